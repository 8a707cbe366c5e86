-- What one round of wrk found, in lines that bench/compare.py reads.
function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("@requests %d\n@seconds %f\n@failed %d\n", summary.requests, summary.duration / 1e6, failed))
  for _, p in ipairs({50, 95, 99}) do
    io.write(string.format("@p%d %f\n", p, latency:percentile(p) / 1000))
  end
end
