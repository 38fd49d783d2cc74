// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The client of converse_node.py. Reads conversations, one line of JSON each, and writes for each [seed, [[status, bytes of the
// body] or null for each request]]: null where Node.js did not accept what came. Eight at a time.
"use strict";
const fs = require("fs");

const PATIENCE_MS = 2000; // without the end of a chunk as it wants it, it waits

function ask(talk, agent, wanted) {
	const { request: begin } = require(talk.url.split(":")[0]);
	const body = Buffer.alloc(wanted.bytes, "n");
	const headers = wanted.bytes ? { ...wanted.headers, "Content-Length": wanted.bytes } : wanted.headers;
	const options = { method: wanted.method, headers, agent, timeout: PATIENCE_MS, rejectUnauthorized: false, insecureHTTPParser: talk.forgives };

	return new Promise((resolve) => {
		const request = begin(talk.url + wanted.path, options, (response) => {
			let size = 0;

			response.on("data", (part) => (size += part.length));
			response.on("error", () => resolve(null));
			response.on("close", () => resolve(response.complete ? [response.statusCode, size] : null));
		});

		request.on("error", () => resolve(null));
		request.on("timeout", () => request.destroy());
		request.end(body);
	});
}

async function have(talk) {
	const { Agent } = require(talk.url.split(":")[0]);
	const agent = new Agent({ keepAlive: true, maxSockets: 1 });
	const answers = [];

	for (const wanted of talk.requests)
		answers.push(await ask(talk, agent, wanted));
	agent.destroy();
	console.log(JSON.stringify([talk.seed, answers]));
}

async function haveSome(talks) {
	while (talks.length)
		await have(talks.shift());
}

const talks = fs.readFileSync(0, "utf8").split("\n").map((line) => JSON.parse(line));
for (let i = 0; i < 8; i++)
	haveSome(talks);
