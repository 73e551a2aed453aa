// Symbol's own SDK as a judge: its Listener and repositories understand what
// the simulator says, and it computes the same hashes and addresses.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const WebSocket = require('ws');
const sdk = require('symbol-sdk');
const { CreateTransactionFromDTO } = require('symbol-sdk/dist/src/infrastructure/transaction/CreateTransactionFromDTO.js');
const { Simulator, is, judge, ok, until } = require('./simulator.js');

const TRANSACTIONS = 400;

function factory(simulator) {
	return new sdk.RepositoryFactoryHttp(simulator.url('symbol', 'http'), {
		websocketInjected: WebSocket,
		websocketUrl: simulator.url('symbol', 'ws') + '/ws',
		fetchApi: fetch,
	});
}

// The hash of a transaction, from how the SDK serializes it.  Of aggregates
// only what goes up to transactionsHash counts; SDK 2.0.7's own function takes
// four bytes more, and is wrong about real ones, too.
function hashOf(transaction, seed) {
	const bytes = Buffer.from(transaction.serialize(), 'hex');
	const body = transaction instanceof sdk.AggregateTransaction ?
		bytes.subarray(108, 108 + 20 + 32) : bytes.subarray(108);
	return crypto.createHash('sha3-256').update(bytes.subarray(8, 104))
		.update(Buffer.from(seed, 'hex')).update(body).digest('hex').toUpperCase();
}

// Does that hold of a real aggregate?
function isSound(seed) {
	const sample = path.join(process.env.CHAINSTREAM_SAMPLES, 'symbol/partialAdded.jsonl');
	const message = JSON.parse(fs.readFileSync(sample, 'utf8').split('\n')[0]);
	const transaction = CreateTransactionFromDTO(message.data);

	return hashOf(transaction, seed) === message.data.meta.hash;
}

// Everything of one kind, as it comes.
function collect(observable) {
	const list = [];
	observable.subscribe((value) => list.push(value), (error) => ok(false, 'an observable lives on', error));
	return list;
}

judge(async () => {
	const simulator = await Simulator.start('--listen', 'symbol=0', '--accounts', '4');
	const repositories = factory(simulator);
	const seed = await repositories.getGenerationHash().toPromise();
	is(await repositories.getNetworkType().toPromise(), sdk.NetworkType.TEST_NET, 'network type');
	is(await repositories.getEpochAdjustment().toPromise(), 1667250467, 'epoch adjustment');

	const plain = await simulator.command('accounts 0 1');
	const account = sdk.Address.createFromRawAddress(plain);
	ok(sdk.Address.isValidRawAddress(plain), 'the address is valid');

	const listener = repositories.createListener();
	await listener.open();
	const seen = {
		blocks: collect(listener.newBlock()),
		finalized: collect(listener.finalizedBlock()),
		confirmed: collect(listener.confirmed(account)),
		unconfirmed: collect(listener.unconfirmedAdded(account)),
		removed: collect(listener.unconfirmedRemoved(account)),
		bonded: collect(listener.aggregateBondedAdded(account)),
		bondedRemoved: collect(listener.aggregateBondedRemoved(account)),
		cosignatures: collect(listener.cosignatureAdded(account)),
		statuses: collect(listener.status(account)),
	};
	await until(() => false, 0.5);
	await simulator.command(`count ${TRANSACTIONS}`);
	await simulator.command('rate 2000');
	ok(await until(() => Object.values(seen).every((list) => list.length > 0)), 'every observable has something',
		JSON.stringify(Object.entries(seen).map(([name, list]) => [name, list.length])));
	ok(await until(() => seen.blocks.length >= TRANSACTIONS / 10 - 2), 'all blocks came', seen.blocks.length);
	await until(() => false, 0.5);

	// What goes to an alias concerns whoever it stands for.
	const concerned = (transaction) => transaction.signer.address.equals(account) ||
		transaction.shouldNotifyAccount(account, []) || transaction.recipientAddress instanceof sdk.NamespaceId;
	is(seen.confirmed.filter((transaction) => !concerned(transaction)).length, 0, 'all confirmed ones concern the account');
	ok(seen.confirmed.some((transaction) => transaction.recipientAddress instanceof sdk.NamespaceId), 'some by an alias');
	ok(isSound(seed), 'the hash of a real aggregate is computed');
	for (const name of ['confirmed', 'unconfirmed', 'bonded']) {
		const wrong = seen[name].find((transaction) => hashOf(transaction, seed) !== transaction.transactionInfo.hash);
		is(wrong, undefined, `hashes are true: ${name} (${seen[name].length})`);
	}
	ok(seen.confirmed.every((transaction) => transaction.isConfirmed()), 'confirmed ones have a height');
	ok(seen.unconfirmed.every((transaction) => transaction.transactionInfo.height.toString() === '0'), 'unconfirmed ones have none');
	ok(seen.bonded.every((transaction) => !transaction.isConfirmed() && transaction.cosignatures.length === 0),
		'nor have those that wait for cosignatures');
	ok(seen.bonded.every((transaction) => transaction instanceof sdk.AggregateTransaction &&
		transaction.innerTransactions.length === 2), 'aggregates hold two transactions');
	const hashes = new Set(seen.confirmed.map((transaction) => transaction.transactionInfo.hash));
	ok(seen.removed.every((hash) => hashes.has(hash)), 'what left the pool was confirmed');
	ok(seen.cosignatures.every((one) => seen.bonded.some((transaction) => transaction.transactionInfo.hash === one.parentHash)),
		'cosignatures belong to aggregates');
	ok(seen.statuses.every((one) => one.address.equals(account) && /^(Failure_|unknown status)/.test(one.code)), 'statuses have codes');
	ok(seen.blocks.every((block, i) => i === 0 || block.previousBlockHash === seen.blocks[i - 1].hash), 'blocks are a chain');
	const last = seen.finalized[seen.finalized.length - 1];
	const final = seen.blocks.find((block) => block.height.equals(last.height));
	is(last.hash, final && final.hash, 'a finalized block was announced');

	const block = seen.blocks[3];
	const stored = await repositories.createBlockRepository().getBlockByHeight(block.height).toPromise();
	is(stored.hash, block.hash, 'REST has the same block');
	is(stored.signer.address.plain(), block.signer.address.plain(), 'of the same signer');
	const one = seen.confirmed.find((transaction) => transaction instanceof sdk.TransferTransaction);
	const again = await repositories.createTransactionRepository()
		.getTransaction(one.transactionInfo.hash, sdk.TransactionGroup.Confirmed).toPromise();
	is(again.serialize(), one.serialize(), 'REST has the same transaction');
	const status = await repositories.createTransactionStatusRepository()
		.getTransactionStatus(one.transactionInfo.hash).toPromise();
	is(status.group, 'confirmed', 'and its status');
	const chain = await repositories.createChainRepository().getChainInfo().toPromise();
	ok(chain.height.compare(block.height) > 0, 'REST has the height');
	listener.close();

	let closed;
	const other = repositories.createListener();
	await other.open((event) => { closed = event; });
	other.subscribeTo('nonsense');
	ok(await until(() => closed !== undefined, 10), 'an unknown channel ends the connection');
	is(closed && closed.code, 1013, 'with 1013');
	is(closed && closed.reason, 'unknown topic category nonsense', 'and the reason');

	const third = repositories.createListener();
	closed = undefined;
	await third.open((event) => { closed = event; });
	third.newBlock();
	await until(() => false, 0.3);
	await simulator.command('channel-fails block');
	ok(await until(() => closed !== undefined, 10), 'trouble with a channel ends the connection');
	is(closed && closed.code, 1005, 'without a code');
	simulator.stop();
});
