-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- Prints what wrk counted as one line of JSON, its percentiles between the whole microseconds that it keeps.

-- Where |share| of the |total| samples lies, as if those of one microsecond were spread over it; null without samples.
local function quantile(latency, total, share)
	local below = 0
	for i = 1, #latency do
		local value, count = latency(i)
		if below + count >= share * total then
			return string.format("%.3f", value + (share * total - below) / count)
		end
		below = below + count
	end
	return "null"
end

function done(summary, latency)
	local total = 0
	for i = 1, #latency do
		local _, count = latency(i)
		total = total + count
	end
	local e = summary.errors
	io.write(string.format('RESULT {"requests":%d,"duration_us":%d,"errors":%d,"p50_us":%s,"p99_us":%s}\n', summary.requests,
		summary.duration, e.connect + e.read + e.write + e.status + e.timeout, quantile(latency, total, 0.5),
		quantile(latency, total, 0.99)))
end
