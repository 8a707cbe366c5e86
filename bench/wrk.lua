-- Send the requests of a file in turn, and again from its start when all are sent.
-- A line of the file has method, path, cookie, address and body, separated by tabs. The last line printed is JSON.
local requests, sent = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, cookie, address, body = line:match("^(%u+)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {Cookie = cookie, ["X-Forwarded-For"] = address, ["Accept-Encoding"] = "gzip, deflate, br, zstd"}
    if method == "POST" then
      headers["Content-Type"] = "application/x-www-form-urlencoded"
    end
    table.insert(requests, wrk.format(method, path, headers, method == "POST" and body or nil))
  end
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('{"requests": %d, "failed": %d, "per_second": %f, "p50": %f, "p95": %f, "p99": %f}\n',
    summary.requests, failed, summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end
