// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A Node.js server for the integration tests and the demo: PROTOCOL is http, https, http2 or h2c; answers /KIND/...
// as ANSWERS says ({kind: [status, body bytes]}), after DELAY_MS, and writes one JSON line per exchange to ACCESS_LOG.
"use strict";
const fs = require("fs");
const env = process.env;
const answers = JSON.parse(env.ANSWERS);
const delayMs = Number(env.DELAY_MS || 0);
const log = fs.openSync(env.ACCESS_LOG, "a");
const bodies = Object.fromEntries(Object.entries(answers).map(([kind, [, size]]) => [kind, Buffer.alloc(size, "n")]));

function handle(request, response) {
	const kind = request.url.split("/")[1];
	const [status] = answers[kind] || [404, 0];
	const body = bodies[kind] || Buffer.alloc(0);
	const began = process.hrtime.bigint();

	request.resume();
	response.on("close", () => {
		const row = { status, method: request.method, path: request.url, bytes: body.length,
			      seconds: Number(process.hrtime.bigint() - began) / 1e9, complete: response.writableFinished };
		fs.writeSync(log, JSON.stringify(row) + "\n");
	});
	const answer = () => {
		const headers = status == 204 ? {} : { "content-length": body.length };
		if (status == 301)
			headers.location = "/ok/0";
		response.writeHead(status, headers);
		response.end(status == 204 || request.method == "HEAD" ? undefined : body);
	};
	request.on("end", () => (delayMs ? setTimeout(answer, delayMs) : answer()));
}

function create() {
	const keys = env.CERT ? { cert: fs.readFileSync(env.CERT), key: fs.readFileSync(env.KEY) } : {};
	const limits = { maxSessionMemory: 1000, settings: { maxConcurrentStreams: 1000 } };

	switch (env.PROTOCOL) {
	case "https":
		return require("https").createServer(keys, handle);
	case "http2":
		return require("http2").createSecureServer({ ...keys, ...limits, allowHTTP1: true }, handle);
	case "h2c":
		return require("http2").createServer(limits, handle);
	default:
		return require("http").createServer(handle);
	}
}

const server = create();
server.keepAliveTimeout = 60000;
server.maxRequestsPerSocket = 0;
server.listen(Number(env.PORT), "::");
