-- wrk: POST many jobs in one body of NDJSON, again and again. The last line that it prints is JSON.
local jobs = 1000

wrk.method = "POST"
wrk.path = "/v1/jobs/bulk"
wrk.body = string.rep('{"kind": "echo", "payload": {"number": 7}}\n', jobs)
wrk.headers["Content-Type"] = "application/x-ndjson"

function done(summary, latency, requests)
   local errors = summary.errors
   local broken = errors.connect + errors.read + errors.write + errors.timeout
   io.write(string.format(
      '{"requests": %d, "requests_s": %.0f, "jobs": %d, "jobs_s": %.0f, "refused": %d, ' ..
      '"broken": %d, "p99_us": %.0f}\n',
      summary.requests, summary.requests / summary.duration * 1e6, summary.requests * jobs,
      summary.requests * jobs / summary.duration * 1e6, errors.status, broken,
      latency:percentile(99)))
end
