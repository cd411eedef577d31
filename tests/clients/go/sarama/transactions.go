package main

import (
	"context"
	"fmt"
	"time"

	"alluvium/tests/clients/scenario"

	"github.com/IBM/sarama"
)

// transactions: commit and abort, fence by a second instance, time out. The topic has one partition.
func transactions(bootstrap, topic string) {
	commitAndAbort(bootstrap, topic)
	scenario.Check("committed", 7*30, len(read(bootstrap, topic, sarama.ReadCommitted, 7*30)))
	scenario.Check("with the aborted", 10*30, len(read(bootstrap, topic, sarama.ReadUncommitted, 10*30)))
	fence(bootstrap, topic)
	timeOut(bootstrap, topic)
	values := read(bootstrap, topic, sarama.ReadCommitted, 7*30+2)
	scenario.Check("second last", "of the second", values[7*30])
	scenario.Check("last", "after the timeout", values[7*30+1])
}

func transactional(bootstrap, id string, timeout time.Duration) sarama.SyncProducer {
	config := newConfig()
	config.Producer.Transaction.ID = id
	config.Producer.Transaction.Timeout = timeout
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
	scenario.Must(err)
	return producer
}

func send(producer sarama.SyncProducer, topic, value string) error {
	_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)})
	return err
}

func commitAndAbort(bootstrap, topic string) {
	producer := transactional(bootstrap, "sarama-"+topic, scenario.Wait)
	defer producer.Close()
	for transaction := range 10 {
		scenario.Must(producer.BeginTxn())
		var messages []*sarama.ProducerMessage
		for number := range 30 {
			value := sarama.StringEncoder(fmt.Sprintf("%d-%d", transaction, number))
			messages = append(messages, &sarama.ProducerMessage{Topic: topic, Value: value})
		}
		scenario.Must(producer.SendMessages(messages))
		if transaction%3 == 2 {
			scenario.Must(producer.AbortTxn())
		} else {
			scenario.Must(producer.CommitTxn())
		}
	}
}

func fence(bootstrap, topic string) {
	first := transactional(bootstrap, "fence-"+topic, scenario.Wait)
	defer first.Close()
	scenario.Must(first.BeginTxn())
	scenario.Must(send(first, topic, "of the first"))
	second := transactional(bootstrap, "fence-"+topic, scenario.Wait)
	defer second.Close()
	if err := first.CommitTxn(); err == nil {
		panic("the first is not fenced")
	}
	scenario.Must(second.BeginTxn())
	scenario.Must(send(second, topic, "of the second"))
	scenario.Must(second.CommitTxn())
}

// timeOut leaves a transaction open, whose records must not hold back what follows for ever.
func timeOut(bootstrap, topic string) {
	producer := transactional(bootstrap, "timeout-"+topic, time.Second)
	defer producer.Close()
	scenario.Must(producer.BeginTxn())
	scenario.Must(send(producer, topic, "left open"))
	other := transactional(bootstrap, "other-"+topic, scenario.Wait)
	defer other.Close()
	scenario.Must(other.BeginTxn())
	scenario.Must(send(other, topic, "after the timeout"))
	scenario.Must(other.CommitTxn())
	// The last of these records is read only after the first transaction has been ended.
	read(bootstrap, topic, sarama.ReadCommitted, 7*30+2)
	if err := producer.CommitTxn(); err == nil {
		panic("a transaction that timed out was committed")
	}
}

// read returns the values of so many records from the beginning, and that no more of them follow before the end.
func read(bootstrap, topic string, isolation sarama.IsolationLevel, count int) []string {
	config := newConfig()
	config.Consumer.IsolationLevel = isolation
	consumer, err := sarama.NewConsumer([]string{bootstrap}, config)
	scenario.Must(err)
	defer consumer.Close()
	claim, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	scenario.Must(err)
	defer claim.Close()
	var values []string
	limit := time.After(scenario.Wait)
	for quiet := false; len(values) < count || !quiet; {
		select {
		case message := <-claim.Messages():
			values = append(values, string(message.Value))
		case <-time.After(300 * time.Millisecond):
			quiet = true
		case <-limit:
			panic(fmt.Sprintf("%d records instead of %d", len(values), count))
		}
	}
	scenario.Check("records", count, len(values))
	return values
}

// copier copies what it is assigned, a transaction at a time over all its partitions.
type copier struct {
	producer    sarama.SyncProducer
	sink, group string
	transaction chan struct{}
	round       int
}

// copyAll copies until it is killed: the records and the offsets of the group are committed together.
func copyAll(bootstrap, source, sink, group, id string) {
	config := newConfig()
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	config.Consumer.Group.Rebalance.Timeout = 10 * time.Second
	for {
		producer := transactional(bootstrap, id, scenario.Wait)
		consumer, err := sarama.NewConsumerGroup([]string{bootstrap}, group, config)
		scenario.Must(err)
		handler := &copier{producer: producer, sink: sink, group: group, transaction: make(chan struct{}, 1)}
		for producer.TxnStatus()&sarama.ProducerTxnFlagFatalError == 0 {
			if err := consumer.Consume(context.Background(), []string{source}, handler); err != nil {
				fmt.Println("consume", err)
				time.Sleep(100 * time.Millisecond)
			}
		}
		consumer.Close()
		producer.Close()
	}
}

func (c *copier) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (c *copier) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (c *copier) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		messages := collect(session, claim)
		if messages == nil {
			return nil
		}
		c.transaction <- struct{}{}
		err := c.copy(session, claim, messages)
		<-c.transaction
		if err != nil {
			// The claim begins again at the offset that is committed.
			return err
		}
	}
}

// collect returns the next messages, as many as are there. Nil is the end of the claim.
func collect(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) []*sarama.ConsumerMessage {
	select {
	case message, isOpen := <-claim.Messages():
		if !isOpen {
			return nil
		}
		messages := []*sarama.ConsumerMessage{message}
		for len(messages) < 50 {
			select {
			case message, isOpen := <-claim.Messages():
				if !isOpen {
					return nil
				}
				messages = append(messages, message)
			case <-time.After(20 * time.Millisecond):
				return messages
			}
		}
		return messages
	case <-session.Context().Done():
		return nil
	}
}

func (c *copier) copy(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim, messages []*sarama.ConsumerMessage) error {
	// A transaction that was aborted without an error is tried again, as if it had never been.
	for attempt := 0; ; attempt++ {
		c.round++
		isAborted := c.round%5 == 0
		if err := c.try(session, claim, messages, isAborted); err != nil {
			fmt.Println("failed", err)
			if c.producer.TxnStatus()&sarama.ProducerTxnFlagAbortableError != 0 {
				if err := c.producer.AbortTxn(); err != nil {
					fmt.Println("abort failed", err)
				}
			}
			return err
		}
		if !isAborted {
			fmt.Println("committed", len(messages))
			return nil
		}
	}
}

func (c *copier) try(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim, messages []*sarama.ConsumerMessage,
	isAborted bool) error {
	if err := c.producer.BeginTxn(); err != nil {
		return err
	}
	var copies []*sarama.ProducerMessage
	for _, message := range messages {
		copies = append(copies, &sarama.ProducerMessage{Topic: c.sink, Value: sarama.ByteEncoder(message.Value)})
	}
	if err := c.producer.SendMessages(copies); err != nil {
		return err
	}
	next := messages[len(messages)-1].Offset + 1
	offsets := map[string][]*sarama.PartitionOffsetMetadata{
		claim.Topic(): {{Partition: claim.Partition(), Offset: next}},
	}
	metadata := sarama.NewConsumerGroupMetadataFromSession(session, c.group, nil)
	if err := c.producer.AddOffsetsToTxnWithGroupMetadata(offsets, metadata); err != nil {
		return err
	}
	if isAborted {
		return c.producer.AbortTxn()
	}
	return c.producer.CommitTxn()
}
