// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The search of the demo's shop: h2c; one answer in twenty is slow.
"use strict";
const http2 = require("http2");

const found = Buffer.from(JSON.stringify({ found: Array.from({ length: 20 }, (_, i) => `thing ${i}`) }));
let requests = 0;

http2.createServer((request, response) => {
	request.resume();
	setTimeout(() => {
		response.writeHead(200, { "content-type": "application/json", "content-length": found.length });
		response.end(found);
	}, ++requests % 20 ? 4 : 150);
}).listen(Number(process.env.PORT), "::");
