// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The catalog of the demo's shop: HTTP/1.1; asks search over h2c; one item in thirty is broken.
"use strict";
const http = require("http");
const http2 = require("http2");

const list = JSON.stringify(Array.from({ length: 60 }, (_, i) => ({ id: i, name: `thing ${i}`, price: 100 + i })));
let requests = 0;
let session = null;

function search(done) {
	if (!session || session.closed || session.destroyed) {
		session = http2.connect(`http://${process.env.SEARCH}`);
		session.on("error", () => {});
	}
	const stream = session.request({ ":path": "/search" });
	let status = 502;
	const chunks = [];

	stream.on("response", (headers) => (status = headers[":status"]));
	stream.on("data", (chunk) => chunks.push(chunk));
	stream.on("error", () => {});
	stream.on("close", () => done(status, Buffer.concat(chunks)));
}

function send(response, status, body) {
	response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
	response.end(body);
}

http.createServer((request, response) => {
	request.resume();
	requests++;
	if (request.url.startsWith("/catalog/list"))
		send(response, 200, list);
	else if (request.url.startsWith("/catalog/search"))
		search((status, body) => send(response, status, body));
	else if (request.url.startsWith("/catalog/item") && requests % 30)
		setTimeout(send, 3, response, 200, '{"id":1,"name":"thing 1"}');
	else
		send(response, request.url.startsWith("/catalog/item") ? 500 : 404, "{}");
}).listen(Number(process.env.PORT), "::");
