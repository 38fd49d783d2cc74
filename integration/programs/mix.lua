-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- For wrk: takes the paths of the file PATHS in turn, stops each thread after REQUESTS answers (with one connection
-- a thread nothing is in flight then), and prints what it counted by status code.
local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

function init(arguments)
	paths = {}
	for line in io.lines(os.getenv("PATHS")) do
		table.insert(paths, wrk.format("GET", line))
	end
	limit = tonumber(os.getenv("REQUESTS"))
	sent, answered, codes = 0, 0, {}
end

function request()
	sent = sent + 1
	return paths[(sent - 1) % #paths + 1]
end

function response(status)
	codes[status] = (codes[status] or 0) + 1
	answered = answered + 1
	if answered >= limit then
		wrk.thread:stop()
	end
end

function done(summary, latency)
	local total = {}
	for _, thread in ipairs(threads) do
		for status, count in pairs(thread:get("codes")) do
			total[status] = (total[status] or 0) + count
		end
	end
	local parts = {}
	for status, count in pairs(total) do
		table.insert(parts, string.format('"%d":%d', status, count))
	end
	local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
	print(string.format('RESULT {"codes":{%s},"errors":%d,"p50_ms":%.4f,"p99_ms":%.4f}', table.concat(parts, ","), broken,
		latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
