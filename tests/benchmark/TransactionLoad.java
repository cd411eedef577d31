import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Producers that write one transaction after the other, each on a thread of its own. Arguments: the server, the number of
 * producers and of partitions, bytes of a record, records of a transaction (0: as many as fit into the interval), the
 * interval between two commits in ms, the duration in seconds, and the transactional ids' prefix, or "-" for plain
 * idempotent producers that flush where the others commit.
 *
 * Prints one line of JSON: records, ends, seconds, and the durations of commits (or flushes) in ms.
 */
public class TransactionLoad {
    private final String topic = "transaction-load-" + System.nanoTime();

    private final String bootstrap;
    private final int producers;
    private final int partitions;
    private final byte[] value;
    private final int recordsMax;
    private final long intervalNanos;
    private final long durationNanos;
    private final String idPrefix;
    private final CountDownLatch ready;

    private TransactionLoad(String[] arguments) {
        bootstrap = arguments[0];
        producers = Integer.parseInt(arguments[1]);
        partitions = Integer.parseInt(arguments[2]);
        value = new byte[Integer.parseInt(arguments[3])];
        recordsMax = Integer.parseInt(arguments[4]);
        intervalNanos = Long.parseLong(arguments[5]) * 1_000_000;
        durationNanos = Long.parseLong(arguments[6]) * 1_000_000_000;
        idPrefix = arguments[7];
        ready = new CountDownLatch(producers);
    }

    public static void main(String[] arguments) throws Exception {
        new TransactionLoad(arguments).run();
    }

    /** One transaction: its records, and how long its commit (or flush) took, in ms. */
    private record Transaction(long records, double endMs) { }

    private void run() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        }
        ExecutorService threads = Executors.newFixedThreadPool(producers);
        List<Future<List<Transaction>>> running = new ArrayList<>();
        for (int index = 0; index < producers; index++) {
            int number = index;
            running.add(threads.submit(() -> produce(number)));
        }
        ready.await();
        long began = System.nanoTime();
        List<Transaction> done = new ArrayList<>();
        try {
            for (Future<List<Transaction>> future : running) {
                done.addAll(future.get());
            }
        } finally {
            threads.shutdownNow();
        }
        report(done, (System.nanoTime() - began) / 1e9);
    }

    private List<Transaction> produce(int number) throws InterruptedException {
        Map<String, Object> options = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "acks", "all"));
        if (isTransactional()) {
            options.put("transactional.id", idPrefix + number);
        }
        ByteArraySerializer bytes = new ByteArraySerializer();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(options, bytes, bytes)) {
            if (isTransactional()) {
                producer.initTransactions();
            }
            // The first transaction looks for the partitions; it does not count.
            write(producer, number, 1, 0);
            ready.countDown();
            ready.await();
            List<Transaction> done = new ArrayList<>();
            long stop = System.nanoTime() + durationNanos;
            while (System.nanoTime() < stop) {
                done.add(write(producer, number, recordsMax, System.nanoTime() + intervalNanos));
            }
            return done;
        } finally {
            // If it failed before it was ready, the others need not wait for it; after that this counts for nothing.
            ready.countDown();
        }
    }

    /** One transaction: `most` records, or if that is 0, as many as can be sent until `until` (of System.nanoTime). */
    private Transaction write(KafkaProducer<byte[], byte[]> producer, int number, int most, long until) {
        if (isTransactional()) {
            producer.beginTransaction();
        }
        long sent = 0;
        while (most == 0 ? System.nanoTime() < until : sent < most) {
            producer.send(new ProducerRecord<>(topic, (int) ((number + sent) % partitions), null, value));
            sent++;
        }
        long began = System.nanoTime();
        // A commit flushes as well. But a producer (of 4.3) that is busy may send the commit before the first record of the
        // transaction: `Sender` looks for records first and for requests then, and what comes in between is overlooked. A
        // broker, ours as Kafka's, can only answer INVALID_TXN_STATE, which is fatal.
        producer.flush();
        if (isTransactional()) {
            producer.commitTransaction();
        }
        return new Transaction(sent, (System.nanoTime() - began) / 1e6);
    }

    private boolean isTransactional() {
        return !idPrefix.equals("-");
    }

    private static void report(List<Transaction> done, double seconds) {
        long records = done.stream().mapToLong(Transaction::records).sum();
        double[] ends = done.stream().mapToDouble(Transaction::endMs).sorted().toArray();
        String quantiles = IntStream.of(500, 990, 1000)
            .mapToObj(permille -> String.format("\"p%d\": %.2f", permille, ends[Math.min(ends.length - 1, ends.length * permille / 1000)]))
            .collect(Collectors.joining(", "));
        System.out.printf("{\"records\": %d, \"ends\": %d, \"seconds\": %.2f, \"end_ms\": {%s}}%n",
            records, ends.length, seconds, quantiles);
    }
}
