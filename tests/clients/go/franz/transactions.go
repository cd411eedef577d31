package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alluvium/tests/clients/scenario"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// transactions: commit and abort, fence by a second instance, time out. The topic has one partition.
func transactions(ctx context.Context, bootstrap, topic string) {
	commitAndAbort(ctx, bootstrap, topic)
	scenario.Check("committed", 7*30, len(read(ctx, bootstrap, topic, kgo.ReadCommitted())))
	scenario.Check("with the aborted", 10*30, len(read(ctx, bootstrap, topic, kgo.ReadUncommitted())))
	fence(ctx, bootstrap, topic)
	timeOut(ctx, bootstrap, topic)
	values := read(ctx, bootstrap, topic, kgo.ReadCommitted())
	scenario.Check("after fence and timeout", 7*30+2, len(values))
	scenario.Check("second last", "of the second", values[7*30])
	scenario.Check("last", "after the timeout", values[7*30+1])
}

func transactional(bootstrap, topic, id string, options ...kgo.Opt) *kgo.Client {
	return newClient(bootstrap, append(options, kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic))...)
}

func commitAndAbort(ctx context.Context, bootstrap, topic string) {
	client := transactional(bootstrap, topic, "franz-"+topic)
	defer client.Close()
	for transaction := range 10 {
		scenario.Must(client.BeginTransaction())
		for number := range 30 {
			client.Produce(ctx, kgo.StringRecord(fmt.Sprintf("%d-%d", transaction, number)), func(_ *kgo.Record, err error) { scenario.Must(err) })
		}
		scenario.Must(client.Flush(ctx))
		scenario.Must(client.EndTransaction(ctx, transaction%3 != 2))
	}
	described, err := kadm.NewClient(client).DescribeTransactions(ctx, "franz-"+topic)
	scenario.Must(err)
	scenario.Check("state of the transaction", "CompleteCommit", described["franz-"+topic].State)
}

func fence(ctx context.Context, bootstrap, topic string) {
	first, second := transactional(bootstrap, topic, "fence-"+topic), transactional(bootstrap, topic, "fence-"+topic)
	defer first.Close()
	defer second.Close()
	scenario.Must(first.BeginTransaction())
	scenario.Must(first.ProduceSync(ctx, kgo.StringRecord("of the first")).FirstErr())
	scenario.Must(second.BeginTransaction())
	scenario.Must(second.ProduceSync(ctx, kgo.StringRecord("of the second")).FirstErr())
	err := first.EndTransaction(ctx, kgo.TryCommit)
	if !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidProducerEpoch) {
		panic(fmt.Sprintf("the first is not fenced: %v", err))
	}
	scenario.Must(second.EndTransaction(ctx, kgo.TryCommit))
}

// timeOut leaves a transaction open, whose records must not hold back what follows for ever, and goes on with the same client.
func timeOut(ctx context.Context, bootstrap, topic string) {
	client := transactional(bootstrap, topic, "timeout-"+topic, kgo.TransactionTimeout(time.Second))
	defer client.Close()
	scenario.Must(client.BeginTransaction())
	scenario.Must(client.ProduceSync(ctx, kgo.StringRecord("left open")).FirstErr())
	admin := kadm.NewClient(client)
	for {
		described, err := admin.DescribeTransactions(ctx, "timeout-"+topic)
		scenario.Must(err)
		if described["timeout-"+topic].State == "CompleteAbort" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err == nil {
		panic("a transaction that timed out was committed")
	}
	other := transactional(bootstrap, topic, "other-"+topic)
	defer other.Close()
	scenario.Must(other.BeginTransaction())
	scenario.Must(other.ProduceSync(ctx, kgo.StringRecord("after the timeout")).FirstErr())
	scenario.Must(other.EndTransaction(ctx, kgo.TryCommit))
}

// read returns all values up to the end.
func read(ctx context.Context, bootstrap, topic string, isolation kgo.IsolationLevel) []string {
	client := newClient(bootstrap, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	scenario.Must(err)
	end, _ := ends.Lookup(topic, 0)
	var values []string
	for next := int64(0); next < end.Offset; {
		fetches := client.PollFetches(ctx)
		scenario.Must(fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) {
			next = record.Offset + 1
			if !record.Attrs.IsControl() {
				values = append(values, string(record.Value))
			}
		})
	}
	return values
}

// copyAll copies until it is killed: the records and the offsets of the group are committed together.
func copyAll(ctx context.Context, bootstrap, source, sink, group, id string) {
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(bootstrap), kgo.TransactionalID(id), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(source), kgo.DefaultProduceTopic(sink), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(3*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.RetryTimeout(scenario.Wait), kgo.RebalanceTimeout(10*time.Second))
	scenario.Must(err)
	// Aborts what a killed instance has left open. Otherwise this is done before the first record is produced, and none
	// is consumed before the offsets of that transaction are stable.
	_, _, err = session.Client().ProducerID(ctx)
	scenario.Must(err)
	for round := 0; ; round++ {
		fetches := session.PollRecords(ctx, 50)
		if fetches.NumRecords() == 0 {
			continue
		}
		scenario.Must(session.Begin())
		fetches.EachRecord(func(record *kgo.Record) {
			session.Produce(ctx, &kgo.Record{Key: record.Key, Value: record.Value}, nil)
		})
		committed, err := session.End(ctx, round%5 != 4)
		scenario.Must(err)
		if committed {
			fmt.Println("committed", fetches.NumRecords())
		}
	}
}
