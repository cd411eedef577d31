package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"alluvium/tests/clients/scenario"

	"github.com/IBM/sarama"
)

const each = 50

var codecs = []sarama.CompressionCodec{
	sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
}

// basics: a topic is made and changed, records of every compression go through a group of two, the group and the topic end.
func basics(bootstrap, topic, group string) {
	admin, err := sarama.NewClusterAdmin([]string{bootstrap}, newConfig())
	scenario.Must(err)
	defer admin.Close()
	makeTopic(admin, topic)
	for _, codec := range codecs {
		produce(bootstrap, topic, codec)
	}
	scenario.Check("end offsets", int64(each*len(codecs)), endOffsets(bootstrap, topic))
	consumeAsTwo(bootstrap, topic, group)
	endGroup(admin, topic, group)
	scenario.Must(admin.DeleteTopic(topic))
}

func makeTopic(admin sarama.ClusterAdmin, topic string) {
	retention, other := "1000000", "2000000"
	scenario.Must(admin.CreateTopic(topic, &sarama.TopicDetail{
		NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &retention},
	}, false))
	scenario.Must(admin.CreatePartitions(topic, 4, nil, false))
	topics, err := admin.ListTopics()
	scenario.Must(err)
	scenario.Check("partitions", 4, topics[topic].NumPartitions)
	scenario.Must(admin.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{
		"retention.ms": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &other},
	}, false))
	config, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic})
	scenario.Must(err)
	for _, entry := range config {
		if entry.Name == "retention.ms" {
			scenario.Check("retention.ms", other, entry.Value)
		}
	}
}

func produce(bootstrap, topic string, codec sarama.CompressionCodec) {
	config := newConfig()
	config.Producer.Compression = codec
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
	scenario.Must(err)
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for number := range each {
		messages = append(messages, &sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder(fmt.Sprintf("key%d", number%10)),
			Value:     sarama.StringEncoder(fmt.Sprintf("%s-%d", codec, number)),
			Headers:   []sarama.RecordHeader{{Key: []byte("codec"), Value: []byte(codec.String())}},
			Timestamp: time.Now(),
		})
	}
	scenario.Must(producer.SendMessages(messages))
}

func endOffsets(bootstrap, topic string) int64 {
	client, err := sarama.NewClient([]string{bootstrap}, newConfig())
	scenario.Must(err)
	defer client.Close()
	partitions, err := client.Partitions(topic)
	scenario.Must(err)
	var sum int64
	for _, partition := range partitions {
		end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
		scenario.Must(err)
		sum += end
	}
	return sum
}

// members collects what the members of a group receive.
type members struct {
	sync.Mutex
	found    map[string]int
	assigned [2]int
	done     context.CancelFunc
}

type member struct {
	*members
	number int
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.Lock()
	defer m.Unlock()
	m.assigned[m.number] = 0
	for _, partitions := range session.Claims() {
		m.assigned[m.number] = len(partitions)
	}
	m.endIfWhole()
	return nil
}

func (m *member) Cleanup(session sarama.ConsumerGroupSession) error {
	session.Commit()
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		codec := string(message.Headers[0].Value)
		scenario.Check("codec", codec+"-", string(message.Value)[:len(codec)+1])
		session.MarkMessage(message, "")
		m.Lock()
		m.found[string(message.Value)]++
		m.endIfWhole()
		m.Unlock()
	}
	return nil
}

func (m *members) endIfWhole() {
	if len(m.found) == each*len(codecs) && m.assigned[0] == 2 && m.assigned[1] == 2 {
		m.done()
	}
}

// consumeAsTwo reads everything with two members that share the partitions, and commits.
func consumeAsTwo(bootstrap, topic, group string) {
	limit, cancelLimit := context.WithTimeout(context.Background(), scenario.Wait)
	defer cancelLimit()
	ctx, done := context.WithCancel(limit)
	shared, running := &members{found: map[string]int{}, done: done}, sync.WaitGroup{}
	for number := range 2 {
		running.Go(func() {
			consumer, err := sarama.NewConsumerGroup([]string{bootstrap}, group, newConfig())
			scenario.Must(err)
			defer consumer.Close()
			for ctx.Err() == nil {
				if err := consumer.Consume(ctx, []string{topic}, &member{shared, number}); err != nil && ctx.Err() == nil {
					panic(err)
				}
			}
		})
	}
	running.Wait()
	scenario.Check("records", each*len(codecs), len(shared.found))
	scenario.Must(limit.Err())
}

func endGroup(admin sarama.ClusterAdmin, topic, group string) {
	offsets, err := admin.ListConsumerGroupOffsets(group, nil)
	scenario.Must(err)
	var committed int64
	for _, block := range offsets.Blocks[topic] {
		committed += block.Offset
	}
	scenario.Check("committed offsets", int64(each*len(codecs)), committed)
	groups, err := admin.ListConsumerGroups()
	scenario.Must(err)
	scenario.Check("type of the group", "consumer", groups[group])
	described, err := admin.DescribeConsumerGroups([]string{group})
	scenario.Must(err)
	scenario.Check("state of the group", "Empty", described[0].State)
	scenario.Must(admin.DeleteConsumerGroup(group))
}
