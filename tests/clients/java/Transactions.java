import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Transactions of Kafka's Java clients: arguments are the server, a topic of one partition, and a topic of three. */
public class Transactions {
    private static final Duration WAIT = Duration.ofSeconds(30);
    private static String bootstrap;

    public static void main(String[] arguments) {
        bootstrap = arguments[0];
        String source = arguments[1];
        String sink = arguments[2];
        try (KafkaProducer<byte[], byte[]> producer = producer("java-" + sink)) {
            producer.initTransactions();
            for (int transaction = 0; transaction < 10; transaction++) {
                producer.beginTransaction();
                for (int record = 0; record < 30; record++) {
                    producer.send(new ProducerRecord<>(sink, record % 3, null, bytes(transaction + "-" + record)));
                }
                if (transaction % 3 == 2) {
                    // What is not sent yet would be dropped.
                    producer.flush();
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
            }
            check("records", 7 * 30, read(sink, "read_committed").size());
            check("records with the aborted ones", 10 * 30, read(sink, "read_uncommitted").size());

            producer.beginTransaction();
            for (int record = 0; record < 100; record++) {
                producer.send(new ProducerRecord<>(source, bytes("s" + record)));
            }
            producer.commitTransaction();
        }
        copy(source, sink);
        check("records after copying", 7 * 30 + 100, read(sink, "read_committed").size());
        fence(sink);
        System.out.println("transactions: all is well");
    }

    /** Reads, writes and commits the offsets with what it writes, with an abort in between. */
    private static void copy(String source, String sink) {
        String group = "copy-" + source;
        boolean isAborted = false;
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(group, "read_committed");
             KafkaProducer<byte[], byte[]> producer = producer("copy-" + sink)) {
            producer.initTransactions();
            consumer.subscribe(List.of(source));
            long copied = 0;
            long deadline = System.nanoTime() + WAIT.toNanos();
            while (copied < 100) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException("copied " + copied + " records only");
                }
                List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
                consumer.poll(Duration.ofMillis(200)).forEach(records::add);
                if (records.isEmpty()) {
                    continue;
                }
                producer.beginTransaction();
                records.forEach(record -> producer.send(new ProducerRecord<>(sink, record.value())));
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                offsets.put(new TopicPartition(source, 0), new OffsetAndMetadata(records.get(records.size() - 1).offset() + 1));
                producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
                if (isAborted) {
                    producer.commitTransaction();
                    copied += records.size();
                } else {
                    producer.abortTransaction();
                    isAborted = true;
                    consumer.seekToBeginning(consumer.assignment());
                }
            }
            OffsetAndMetadata committed = consumer.committed(Collections.singleton(new TopicPartition(source, 0)))
                .get(new TopicPartition(source, 0));
            // A hundred records; the marker may or may not count as read.
            check("the group's offset", 100, committed.offset());
        }
    }

    private static void fence(String topic) {
        try (KafkaProducer<byte[], byte[]> first = producer("fence-" + topic);
             KafkaProducer<byte[], byte[]> second = producer("fence-" + topic)) {
            first.initTransactions();
            first.beginTransaction();
            first.send(new ProducerRecord<>(topic, bytes("of the first")));
            first.flush();
            second.initTransactions();
            try {
                first.commitTransaction();
                throw new IllegalStateException("the first producer is not fenced");
            } catch (ProducerFencedException | InvalidProducerEpochException expected) {
                second.beginTransaction();
                second.send(new ProducerRecord<>(topic, bytes("of the second")));
                second.commitTransaction();
            }
        }
        List<String> values = read(topic, "read_committed");
        check("records of the fenced producer", 0, Collections.frequency(values, "of the first"));
        check("records of the other one", 1, Collections.frequency(values, "of the second"));
    }

    /** All values of the topic, up to its end. */
    private static List<String> read(String topic, String isolation) {
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer("reader", isolation)) {
            List<TopicPartition> partitions = new ArrayList<>();
            consumer.partitionsFor(topic).forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long deadline = System.nanoTime() + WAIT.toNanos();
            while (!partitions.stream().allMatch(partition -> consumer.position(partition) >= ends.get(partition))) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException("cannot read up to " + new TreeSet<>(ends.values()));
                }
                consumer.poll(Duration.ofMillis(200)).forEach(record -> values.add(new String(record.value())));
            }
        }
        return values;
    }

    private static KafkaProducer<byte[], byte[]> producer(String transactionalId) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap);
        config.put("transactional.id", transactionalId);
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static KafkaConsumer<byte[], byte[]> consumer(String group, String isolation) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap);
        config.put("group.id", group);
        config.put("isolation.level", isolation);
        config.put("auto.offset.reset", "earliest");
        config.put("enable.auto.commit", false);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static byte[] bytes(String text) {
        return text.getBytes();
    }

    private static void check(String what, long expected, long found) {
        if (expected != found) {
            throw new IllegalStateException(what + ": " + found + " instead of " + expected);
        }
    }
}
