package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"alluvium/tests/clients/scenario"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const each = 50

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// basics: a topic is made and changed, records of every compression go through a group of two, the group and the topic end.
func basics(ctx context.Context, bootstrap, topic, group string) {
	client := newClient(bootstrap)
	defer client.Close()
	admin := kadm.NewClient(client)
	makeTopic(ctx, admin, topic)
	for name, codec := range codecs {
		produce(ctx, bootstrap, topic, name, codec)
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	scenario.Must(err)
	var end int64
	ends.Each(func(offset kadm.ListedOffset) { end += offset.Offset })
	scenario.Check("end offsets", int64(each*len(codecs)), end)
	consumeAsTwo(ctx, bootstrap, topic, group)
	endGroup(ctx, admin, topic, group)
	deleted, err := admin.DeleteTopic(ctx, topic)
	scenario.Must(err)
	scenario.Must(deleted.Err)
}

func makeTopic(ctx context.Context, admin *kadm.Client, topic string) {
	retention := "1000000"
	made, err := admin.CreateTopic(ctx, 3, 1, map[string]*string{"retention.ms": &retention}, topic)
	scenario.Must(err)
	scenario.Must(made.Err)
	_, err = admin.UpdatePartitions(ctx, 4, topic)
	scenario.Must(err)
	topics, err := admin.ListTopics(ctx, topic)
	scenario.Must(err)
	scenario.Check("partitions", 4, len(topics[topic].Partitions))
	other := "2000000"
	_, err = admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &other}}, topic)
	scenario.Must(err)
	configs, err := admin.DescribeTopicConfigs(ctx, topic)
	scenario.Must(err)
	config, err := configs.On(topic, nil)
	scenario.Must(err)
	for _, entry := range config.Configs {
		if entry.Key == "retention.ms" {
			scenario.Check("retention.ms", "2000000", *entry.Value)
		}
	}
}

func produce(ctx context.Context, bootstrap, topic, name string, codec kgo.CompressionCodec) {
	client := newClient(bootstrap, kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic(topic))
	defer client.Close()
	var records []*kgo.Record
	for number := range each {
		records = append(records, &kgo.Record{
			Key: fmt.Appendf(nil, "key%d", number%10), Value: fmt.Appendf(nil, "%s-%d", name, number),
			Headers: []kgo.RecordHeader{{Key: "codec", Value: []byte(name)}}, Timestamp: time.Now(),
		})
	}
	scenario.Must(client.ProduceSync(ctx, records...).FirstErr())
}

// consumeAsTwo reads everything with two members that share the partitions, and commits.
func consumeAsTwo(ctx context.Context, bootstrap, topic, group string) {
	found, lock, members, done := map[string]int{}, sync.Mutex{}, sync.WaitGroup{}, make(chan struct{})
	assigned := map[int]int{}
	for member := range 2 {
		client := newClient(bootstrap, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
			kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
				lock.Lock()
				defer lock.Unlock()
				assigned[member] += len(partitions[topic])
			}), kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
				lock.Lock()
				defer lock.Unlock()
				assigned[member] -= len(partitions[topic])
			}), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		members.Go(func() {
			defer client.Close()
			for {
				fetches := client.PollFetches(contextUntil(ctx, done))
				lock.Lock()
				fetches.EachRecord(func(record *kgo.Record) {
					scenario.Check("codec", string(record.Headers[0].Value)+"-", string(record.Value)[:len(record.Headers[0].Value)+1])
					found[string(record.Value)]++
				})
				whole := len(found) == each*len(codecs) && assigned[0] == 2 && assigned[1] == 2
				lock.Unlock()
				if whole {
					select {
					case <-done:
					default:
						close(done)
					}
				}
				select {
				case <-done:
					scenario.Must(client.CommitUncommittedOffsets(ctx))
					return
				case <-ctx.Done():
					panic(fmt.Sprintf("%d records, assigned %v", len(found), assigned))
				default:
				}
			}
		})
	}
	members.Wait()
}

func contextUntil(ctx context.Context, done chan struct{}) context.Context {
	poll, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	go func() {
		defer cancel()
		select {
		case <-done:
		case <-poll.Done():
		}
	}()
	return poll
}

func endGroup(ctx context.Context, admin *kadm.Client, topic, group string) {
	offsets, err := admin.FetchOffsets(ctx, group)
	scenario.Must(err)
	var committed int64
	offsets.Each(func(offset kadm.OffsetResponse) { committed += offset.At })
	scenario.Check("committed offsets", int64(each*len(codecs)), committed)
	groups, err := admin.ListGroups(ctx)
	scenario.Must(err)
	scenario.Check("group is listed", group, groups[group].Group)
	described, err := admin.DescribeGroups(ctx, group)
	scenario.Must(err)
	scenario.Check("state of the group", "Empty", described[group].State)
	deleted, err := admin.DeleteGroup(ctx, group)
	scenario.Must(err)
	scenario.Must(deleted.Err)
}

func newClient(bootstrap string, options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.RetryTimeout(scenario.Wait)}, options...)...)
	scenario.Must(err)
	return client
}
