-- Sends the requests of a file, one after the other: lines of method, path, cookie, address and body, between tabs.
-- Reads begin anew at the end of the file; a write is sent once. Says what it found in lines that bench/load.py reads.
local requests, only_once, threads = {}, false, {}
sent, ran_out = 0, 0

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  for line in io.lines(args[1]) do
    local method, path, cookie, address, body = line:match("^(%u+)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {Cookie = cookie, ["X-Forwarded-For"] = address, ["Accept-Encoding"] = "gzip, deflate, br, zstd"}
    if method == "POST" then
      only_once = true
      headers["Content-Type"] = "application/x-www-form-urlencoded"
    end
    table.insert(requests, wrk.format(method, path, headers, method == "POST" and body or nil))
  end
end

function request()
  sent = sent + 1
  if sent > #requests and only_once then
    ran_out = 1
  end
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("@requests %d\n@seconds %f\n", summary.requests, summary.duration / 1e6))
  io.write(string.format("@refused %d\n", errors.status))
  io.write(string.format("@broken %d\n", errors.connect + errors.read + errors.write + errors.timeout))
  io.write(string.format("@ran_out %d\n", threads[1]:get("ran_out")))
  for _, p in ipairs({50, 95, 99}) do
    io.write(string.format("@p%d %f\n", p, latency:percentile(p) / 1000))
  end
end
