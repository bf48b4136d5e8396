-- wrk: POST the same job again and again. The last line that it prints is JSON.
wrk.method = "POST"
wrk.path = "/v1/jobs"
wrk.body = '{"kind": "echo", "payload": {"number": 7}}'
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency, requests)
   local errors = summary.errors
   local broken = errors.connect + errors.read + errors.write + errors.timeout
   io.write(string.format(
      '{"requests": %d, "requests_s": %.0f, "refused": %d, "broken": %d, "p99_us": %.0f}\n',
      summary.requests, summary.requests / summary.duration * 1e6, errors.status, broken,
      latency:percentile(99)))
end
