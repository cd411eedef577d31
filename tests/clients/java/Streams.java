import java.time.Duration;
import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * One instance of a Kafka Streams application that runs until it is killed: arguments are the server, the application's id (which is
 * the prefix of the names of its topics), its state directory. It counts words of "lines", in all and in windows of ten seconds, and
 * joins "orders" with "payments" that name them. Every update of a count is written, so that a record that is processed twice, or
 * not at all, is seen in the output.
 */
public class Streams {
    static final Duration WINDOW = Duration.ofSeconds(10);
    static final Duration GRACE = Duration.ofHours(1);

    public static void main(String[] arguments) throws InterruptedException {
        String application = arguments[1];
        Properties config = new Properties();
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        config.put(StreamsConfig.STATE_DIR_CONFIG, arguments[2]);
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.String().getClass());
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.String().getClass());
        config.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 3_000);
        config.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 500);
        config.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        KafkaStreams streams = new KafkaStreams(topology(application), config);
        streams.setGlobalStateRestoreListener(new Restored());
        streams.setStateListener((state, before) -> System.out.println("state " + state));
        streams.setUncaughtExceptionHandler(failure -> {
            System.out.println("failed " + failure);
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        streams.start();
        new CountDownLatch(1).await();
    }

    static Topology topology(String prefix) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, String> words = builder.<String, String>stream(prefix + "-lines")
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .selectKey((key, word) -> word);
        words.groupByKey(Grouped.as("words"))
            .count(Named.as("counting"), Materialized.as("counts"))
            .toStream()
            .mapValues(count -> Long.toString(count))
            .to(prefix + "-counts");
        words.groupByKey(Grouped.as("windowed-words"))
            .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
            .count(Named.as("counting-in-windows"), Materialized.as("windows"))
            .toStream()
            .map((key, count) -> KeyValue.pair(key.key() + "@" + key.window().start(), Long.toString(count)))
            .to(prefix + "-windows");
        // Orders are keyed by customer and begin with their number, as payments do.
        KStream<String, String> orders = builder.<String, String>stream(prefix + "-orders").selectKey(Streams::number);
        KStream<String, String> payments = builder.<String, String>stream(prefix + "-payments").selectKey(Streams::number);
        orders.join(payments, (order, payment) -> order + "|" + payment,
                JoinWindows.ofTimeDifferenceAndGrace(WINDOW, GRACE),
                StreamJoined.with(Serdes.String(), Serdes.String(), Serdes.String()).withName("orders-with-payments"))
            .to(prefix + "-joined");
        return builder.build();
    }

    static String number(String key, String value) {
        return value.substring(0, value.indexOf(' '));
    }

    /** Prints how many records each store was restored from. */
    static class Restored implements StateRestoreListener {
        @Override
        public void onRestoreStart(TopicPartition partition, String store, long from, long end) {
        }

        @Override
        public void onBatchRestored(TopicPartition partition, String store, long end, long records) {
        }

        @Override
        public void onRestoreEnd(TopicPartition partition, String store, long records) {
            System.out.println("restored " + records + " " + partition);
        }
    }
}
