// Flow's own client as a judge: it understands what the simulator streams,
// and goes on without a gap after a reconnect.  It sends some start heights
// as numbers, which a real server refuses, so only its events resume.
'use strict';

const { httpTransport } = require('@onflow/transport-http');
const { Simulator, is, judge, ok, until } = require('./simulator.js');

// Everything of one topic, as it comes.
function collect(node, topic, args) {
	const list = [];
	list.errors = [];
	list.handle = httpTransport.subscribe({
		topic,
		args,
		onData: (data) => list.push(data),
		onError: (error) => list.errors.push(error),
	}, { node });
	return list;
}

// Are these heights consecutive?
function consecutive(heights) {
	return heights.every((height, i) => i === 0 || height === heights[i - 1] + 1);
}

judge(async () => {
	const simulator = await Simulator.start('--listen', 'flow=0', '--set', 'per-block=2');
	const node = simulator.url('flow', 'http');
	const seen = {
		blocks: collect(node, 'blocks', { blockStatus: 'finalized' }),
		headers: collect(node, 'block_headers', { blockStatus: 'sealed' }),
		digests: collect(node, 'block_digests', { blockStatus: 'finalized' }),
		deposits: collect(node, 'events', { eventTypes: ['A.f233dcee88fe0abe.FungibleToken.Deposited'] }),
		events: collect(node, 'events', { startBlockHeight: 162999900 }),
		accounts: collect(node, 'account_statuses', {}),
	};
	await until(() => seen.blocks.length > 0 && seen.accounts.errors.length === 0 && seen.events.length > 0);
	await simulator.command('count 60');
	await simulator.command('rate 200');
	ok(await until(() => seen.blocks.length >= 64 && seen.headers.length >= 58), 'blocks and headers come',
		JSON.stringify(Object.entries(seen).map(([name, list]) => [name, list.length, String(list.errors)])));
	await until(() => false, 0.5);
	for (const [name, list] of Object.entries(seen)) {
		ok(list.length > 0, `${name} come (${list.length})`);
		is(list.errors.length, 0, 'without an error');
	}

	const blocks = seen.blocks.map(({ block }) => block);
	ok(consecutive(blocks.map((block) => Number(block.height))), 'heights of blocks are consecutive');
	ok(blocks.every((block, i) => i === 0 || block.parentId === blocks[i - 1].id), 'blocks are a chain');
	ok(consecutive(seen.headers.map(({ blockHeader }) => Number(blockHeader.height))), 'so are those of headers');
	ok(consecutive(seen.digests.map(({ blockDigest }) => Number(blockDigest.height))), 'and of digests');
	const byHeight = new Map(blocks.map((block) => [Number(block.height), block.id]));
	ok(seen.digests.every(({ blockDigest }) => (byHeight.get(Number(blockDigest.height)) ?? blockDigest.id) === blockDigest.id),
		'with the ids of the blocks');
	ok(seen.deposits.every(({ event }) => event.payload.type === 'Event' && event.payload.value.id === event.type),
		'deposits are JSON-CDC');
	const events = seen.events.map(({ event }) => event);
	ok(events.every((event, i) => i === 0 || event.blockHeight > events[i - 1].blockHeight ||
		event.transactionIndex > events[i - 1].transactionIndex || event.eventIndex > events[i - 1].eventIndex),
	'events are in order');
	ok(seen.accounts.every(({ accountStatusEvent }) => /^flow\./.test(accountStatusEvent.type)), 'account events are core events');

	const failed = [...new Set(events.map((event) => event.transactionId))].find((id) =>
		events.filter((event) => event.transactionId === id).length === 5);
	const statuses = collect(node, 'transaction_statuses', { transactionId: events[0].transactionId });
	const failures = collect(node, 'transaction_statuses', { transactionId: failed });
	ok(await until(() => statuses.length >= 4 && failures.length >= 4), 'statuses come');
	is(statuses.map((one) => one.transactionStatus.statusString).join(), 'PENDING,FINALIZED,EXECUTED,SEALED', 'all four');
	is(failures[3].transactionStatus.statusCode, 1, 'a failed one says so');
	ok(/not enough "FLOW" & <tokens>/.test(failures[3].transactionStatus.errorMessage), 'and why');

	// A reconnect: the client asks for what comes behind the last it has seen.
	const before = events.length;
	for (const name of ['headers', 'digests', 'accounts', 'blocks'])
		seen[name].handle.unsubscribe();
	statuses.handle.unsubscribe();
	failures.handle.unsubscribe();
	await until(() => false, 0.3);
	await simulator.command('drop');
	await simulator.command('blocks 20');
	await simulator.command('count 40');
	await simulator.command('rate 20');
	ok(await until(() => seen.events.length > before + 250, 20), 'events go on after a reconnect', seen.events.length);
	const keys = seen.events.map(({ event }) => `${event.transactionId} ${event.eventIndex}`);
	is(new Set(keys).size, keys.length, 'none twice');
	const heights = [...new Set(seen.events.map(({ event }) => event.blockHeight))];
	ok(heights.every((height, i) => i === 0 || height === heights[i - 1] + 1 ||
		(height === heights[i - 1] + 2 && heights[i - 1] % 4 === 2)), 'none is missing but empty blocks');

	// What the server refuses, the client hears.
	const refused = collect(node, 'blocks', { blockStatus: 'nonsense' });
	ok(await until(() => refused.errors.length > 0), 'a refusal comes');
	ok(/invalid 'block_status', must be 'finalized' or 'sealed'/.test(String(refused.errors[0])), 'with the reason');
	const late = collect(node, 'events', { startBlockHeight: 5 });
	ok(await until(() => late.errors.length > 0), 'a late error comes');
	ok(/root height 137390146/.test(String(late.errors[0])), 'with the reason');
	simulator.stop();
});
