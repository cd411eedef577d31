// Runs a scenario with kafkajs: basics, transactions, or copy.
const assert = require("node:assert");
const { Kafka, logLevel, CompressionTypes, CompressionCodecs, ConfigResourceTypes } = require("kafkajs");
CompressionCodecs[CompressionTypes.Snappy] = require("kafkajs-snappy");

const EACH = 50;
const [scenario, bootstrap, ...rest] = process.argv.slice(2);
const kafka = new Kafka({
  clientId: "matrix", brokers: [bootstrap], logLevel: process.env.KAFKAJS_LOG ? logLevel.INFO : logLevel.NOTHING,
  retry: { initialRetryTime: 100, maxRetryTime: 2000, retries: 30 },
});

/** A promise that another party resolves, or that fails after a minute. */
function waiting(what) {
  const made = {};
  made.promise = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not within a minute: ${what()}`)), 60_000);
    made.resolve = (value) => { clearTimeout(timer); resolve(value); };
  });
  return made;
}

async function basics(topic, group) {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 3, configEntries: [{ name: "retention.ms", value: "1000000" }] }] });
  await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] });
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  assert.equal(topics[0].partitions.length, 4);
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
  await admin.alterConfigs({ resources: [{ ...resource, configEntries: [{ name: "retention.ms", value: "2000000" }] }] });
  const described = await admin.describeConfigs({ resources: [resource] });
  assert.equal(described.resources[0].configEntries.find((entry) => entry.configName === "retention.ms").configValue, "2000000");

  const expected = new Set();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (const [name, compression] of [["none", CompressionTypes.None], ["gzip", CompressionTypes.GZIP],
    ["snappy", CompressionTypes.Snappy]]) {
    const messages = Array.from({ length: EACH }, (_, number) => ({
      key: `key${number % 10}`, value: `${name}-${number}`, headers: { codec: name }, timestamp: String(Date.now()),
    }));
    messages.forEach((message) => expected.add(message.value));
    await producer.send({ topic, messages, compression, acks: -1 });
  }
  await producer.disconnect();
  const ends = await admin.fetchTopicOffsets(topic);
  assert.equal(ends.reduce((sum, { high }) => sum + Number(high), 0), expected.size);

  await consumeAsTwo(topic, group, expected);
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  assert.equal(partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0), expected.size);
  assert((await admin.listGroups()).groups.some(({ groupId }) => groupId === group));
  assert.equal((await admin.describeGroups([group])).groups[0].state, "Empty");
  await admin.deleteGroups([group]);
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
}

/** Reads everything with two members that share the partitions, and commits. */
async function consumeAsTwo(topic, group, expected) {
  const found = new Set(), assigned = [0, 0], committed = [];
  const whole = waiting(() => `${found.size} records, assigned ${assigned}`);
  const check = () => {
    if (found.size === expected.size && assigned.every((count) => count === 2)) {
      whole.resolve();
    }
  };
  const members = [0, 1].map(() => kafka.consumer({ groupId: group, sessionTimeout: 3000, heartbeatInterval: 500 }));
  await Promise.all(members.map(async (member, number) => {
    await member.connect();
    await member.subscribe({ topics: [topic], fromBeginning: true });
    member.on(member.events.GROUP_JOIN, ({ payload }) => {
      assigned[number] = (payload.memberAssignment[topic] ?? []).length;
      check();
    });
    await member.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message }) => {
        const codec = message.headers.codec.toString();
        assert(message.value.toString().startsWith(`${codec}-`));
        found.add(message.value.toString());
        check();
      },
    });
  }));
  await whole.promise;
  await Promise.all(members.map((member) => member.disconnect()));
  assert.deepEqual([...found].sort(), [...expected].sort());
}

function transactional(transactionalId, transactionTimeout = 60_000) {
  return kafka.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId, transactionTimeout });
}

async function commitOne(id, topic, value) {
  const producer = transactional(id);
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ value }] });
  await transaction.commit();
  await producer.disconnect();
}

/** Commit and abort, fence by a second instance, time out. The topic has one partition. */
async function transactions(topic) {
  const producer = transactional(`kafkajs-${topic}`);
  await producer.connect();
  for (let number = 0; number < 10; number++) {
    const transaction = await producer.transaction();
    const messages = Array.from({ length: 30 }, (_, record) => ({ value: `${number}-${record}` }));
    await transaction.send({ topic, messages });
    await (number % 3 === 2 ? transaction.abort() : transaction.commit());
  }
  await producer.disconnect();
  assert.equal((await read(topic, 7 * 30, false)).length, 7 * 30);
  assert.equal((await read(topic, 10 * 30, true)).length, 10 * 30);

  const first = transactional(`fence-${topic}`);
  await first.connect();
  const fenced = await first.transaction();
  await fenced.send({ topic, messages: [{ value: "of the first" }] });
  await commitOne(`fence-${topic}`, topic, "of the second");
  await assert.rejects(fenced.commit(), "the first is not fenced");
  await first.disconnect();

  const late = transactional(`timeout-${topic}`, 1000);
  await late.connect();
  const open = await late.transaction();
  await open.send({ topic, messages: [{ value: "left open" }] });
  await commitOne(`other-${topic}`, topic, "after the timeout");
  // The last of these records is read only after the first transaction has been ended.
  const values = await read(topic, 7 * 30 + 2, false);
  assert.deepEqual(values.slice(-2), ["of the second", "after the timeout"]);
  await assert.rejects(open.commit(), "a transaction that timed out was committed");
  await late.disconnect();
}

/** The values of so many records from the beginning. Whether more follow is known if the last of them was written last. */
async function read(topic, count, readUncommitted) {
  const values = [];
  const consumer = kafka.consumer({ groupId: `read-${topic}-${count}`, readUncommitted });
  const whole = waiting(() => `${values.length} records instead of ${count}`);
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      values.push(message.value.toString());
      if (values.length >= count) {
        whole.resolve();
      }
    },
  });
  await whole.promise;
  await consumer.disconnect();
  return values;
}

/** Copies until it is killed: the records and the offsets of the group are committed together. */
async function copy(source, sink, group, id) {
  for (;;) {
    const producer = transactional(id);
    const consumer = kafka.consumer({ groupId: group, readUncommitted: false, sessionTimeout: 3000, heartbeatInterval: 500,
      maxWaitTimeInMs: 500 });
    const failed = new Promise((resolve) => { consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error)); });
    try {
      await producer.connect();
      await consumer.connect();
      await consumer.subscribe({ topics: [source], fromBeginning: true });
      // The rest of a batch that has become stale is not done.
      await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 1, eachBatch: copyBatches(producer, sink, group) });
      console.log("again", await failed);
    } catch (error) {
      console.log("failed", error);
    }
    await Promise.allSettled([consumer.disconnect(), producer.disconnect()]);
  }
}

function copyBatches(producer, sink, group) {
  let round = 0;
  return async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
    for (let at = 0; at < batch.messages.length && isRunning() && !isStale();) {
      const messages = batch.messages.slice(at, at + 50);
      const next = (BigInt(messages[messages.length - 1].offset) + 1n).toString();
      const transaction = await producer.transaction();
      try {
        // Without a partition, a retried request spreads the same messages over other partitions with the same sequence numbers, and
        // its answer is that of the first attempt: records are lost, whatever the server.
        const copies = messages.map(({ value }) => ({ value, partition: batch.partition }));
        await transaction.send({ topic: sink, messages: copies });
        await transaction.sendOffsets({ consumerGroupId: group,
          topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset: next }] }] });
      } catch (error) {
        console.log("aborts after", error.name, error.message);
        await transaction.abort();
        throw error;
      }
      // A transaction that was aborted without an error is tried again, as if it had never been.
      if (++round % 5 === 0) {
        await transaction.abort();
        continue;
      }
      await transaction.commit();
      console.log("committed", messages.length);
      at += messages.length;
      resolveOffset(messages[messages.length - 1].offset);
      await heartbeat();
    }
  };
}

({ basics, transactions, copy })[scenario](...rest).then(() => console.log("all is well"), (error) => {
  console.error(error);
  process.exit(1);
});
