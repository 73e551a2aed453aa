// The simulator, started and commanded from the judges, and their TAP.
'use strict';

const childProcess = require('node:child_process');
const net = require('node:net');
const readline = require('node:readline');

const PROGRAM = process.env.CHAINSTREAM_SIMULATOR;

class Simulator {
	// Start one; resolves when it listens.
	static async start(...args) {
		const self = new Simulator();

		self.urls = {};
		self.process = childProcess.spawn(PROGRAM,
			['--die-with-parent', '--control', '0', ...args],
			{ stdio: ['ignore', 'pipe', 'inherit'] });
		for await (const line of readline.createInterface({ input: self.process.stdout })) {
			const [word, what, where] = line.split(' ');
			if (word === 'ready')
				break;
			if (word === 'listening')
				self.urls[what] = where;
		}
		const [host, port] = self.urls.control.split(':');
		self.socket = net.connect(Number(port), host);
		self.answers = readline.createInterface({ input: self.socket })[Symbol.asyncIterator]();
		return self;
	}

	// The URL of a dialect, "ws://..." or "http://...".
	url(dialect, scheme) {
		return this.urls[dialect].replace(/^ws/, scheme);
	}

	// Send a command; resolves to what it answers behind "ok".
	async command(text) {
		this.socket.write(text + '\n');
		const { value } = await this.answers.next();
		if (!value.startsWith('ok'))
			throw new Error(`${text}: ${value}`);
		return value.slice(3);
	}

	stop() {
		this.socket.destroy();
		this.process.kill();
	}
}

let count = 0;
let failures = 0;

function ok(value, name, detail) {
	console.log(`${value ? 'ok' : 'not ok'} ${++count} - ${name}`);
	if (value)
		return;
	failures++;
	if (detail !== undefined)
		console.log(String(detail).replace(/^/gm, '# '));
}

function is(got, expected, name) {
	ok(got === expected, name, `got ${got}, expected ${expected}`);
}

// Wait until this is true; false if it does not become so in time.
async function until(condition, seconds = 30) {
	const deadline = Date.now() + 1000 * seconds;
	while (!condition()) {
		if (Date.now() > deadline)
			return false;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	return true;
}

// Run a judge to its end.
function judge(run) {
	run().catch((error) => ok(false, 'the judge came to its end', error.stack)).finally(() => {
		console.log(`1..${count}`);
		process.exit(failures > 0 ? 1 : 0);
	});
}

module.exports = { Simulator, is, judge, ok, until };
