// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Says back what it is told: echo.js serve PORT | echo.js ask ADDRESS PORT CONNECTIONS TIMES SIZE ...
"use strict";
const net = require("net");
const crypto = require("crypto");
const [mode, ...words] = process.argv.slice(2);

function fail(text) {
	console.error(text);
	process.exit(1);
}

function talk(address, port, times, sizes) {
	const plan = sizes.flatMap((size) => Array(times).fill(size));
	const socket = net.connect(port, address);
	let sent, got = [], have = 0;

	const next = () => {
		if (!plan.length)
			return socket.end();
		sent = crypto.randomBytes(plan.shift());
		got = [];
		have = 0;
		socket.write(sent);
	};
	socket.setTimeout(20000, () => fail("nothing came for 20 s"));
	socket.on("error", (error) => fail(error.message));
	socket.on("connect", next);
	socket.on("data", (piece) => {
		got.push(piece);
		have += piece.length;
		if (have < sent.length)
			return;
		if (!Buffer.concat(got).equals(sent))
			fail(`${sent.length} bytes came back differently`);
		next();
	});
}

if (mode === "serve") {
	net.createServer((socket) => socket.pipe(socket).on("error", () => {})).listen(Number(words[0]), "0.0.0.0");
} else {
	const [port, connections, times, ...sizes] = words.slice(1).map(Number);

	for (let i = 0; i < connections; i++)
		talk(words[0], port, times, sizes);
}
