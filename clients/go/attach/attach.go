// Package attach keeps a ChainActor attached to a node: it dials, says hello with the last block applied, answers
// ImportBlocks and heartbeats, and dials again when the stream breaks. What the blocks are done with is the caller's.
package attach

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	chainv1 "github.com/alys-network/alys-network/clients/go/gen/alys/chain/v1"
	integrationv1 "github.com/alys-network/alys-network/clients/go/gen/alys/integration/v1"
)

// ChainActor is what the node calls. Its methods are called one at a time.
type ChainActor interface {
	// LastApplied gives the newest durable block; a nil hash for none.
	LastApplied() (height uint64, hash []byte)
	// ImportBlocks gives a verdict a block, in their order, once they are durable.
	ImportBlocks(blocks [][]byte, genesisHash []byte) ([]integrationv1.ImportVerdict, error)
}

// Options of an attachment; only Address is needed.
type Options struct {
	// HOST:PORT or unix:PATH.
	Address string
	// Token for nodes that ask for one.
	Token     string
	TakeOver  bool
	OnProblem func(error)
}

const (
	windowCalls = 4
	windowBytes = 8 * 1024 * 1024
	retryMin    = 100 * time.Millisecond
	retryMax    = 5 * time.Second
)

// Chain returns when the context is done; until then it is attached or trying to be.
func Chain(ctx context.Context, actor ChainActor, options Options) error {
	connection, err := grpc.NewClient(
		options.Address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8*1024*1024)),
	)
	if err != nil {
		return err
	}
	defer connection.Close()
	client := integrationv1.NewChainServiceClient(connection)
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	retry := retryMin
	for ctx.Err() == nil {
		wasWelcome, err := attachOnce(ctx, client, actor, hex.EncodeToString(id), options)
		if wasWelcome {
			retry = retryMin
		}
		if err != nil && ctx.Err() == nil && options.OnProblem != nil {
			options.OnProblem(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
		retry = min(retryMax, retry*2)
	}
	return nil
}

func attachOnce(
	ctx context.Context,
	client integrationv1.ChainServiceClient,
	actor ChainActor,
	instanceID string,
	options Options,
) (wasWelcome bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if options.Token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+options.Token)
	}
	stream, err := client.Attach(ctx)
	if err != nil {
		return false, err
	}
	// Heartbeats and answers come from two goroutines.
	var sending sync.Mutex
	say := func(request *integrationv1.ChainServiceAttachRequest) error {
		sending.Lock()
		defer sending.Unlock()
		return stream.Send(request)
	}
	hello := &integrationv1.AttachHello{
		ProtocolVersion: 1,
		InstanceId:      instanceID,
		CreditCalls:     windowCalls,
		CreditBytes:     windowBytes,
		TakeOver:        options.TakeOver,
	}
	if height, hash := actor.LastApplied(); hash != nil {
		hello.LastApplied = &chainv1.BlockReference{Height: height, Hash: hash}
	}
	request := &integrationv1.ChainServiceAttachRequest{
		Message: &integrationv1.ChainServiceAttachRequest_Hello{Hello: hello},
	}
	// A failed send says only that the stream is over; Recv says why.
	_ = say(request)
	var genesisHash []byte
	for {
		frame, err := stream.Recv()
		if err != nil {
			return wasWelcome, err
		}
		switch message := frame.Message.(type) {
		case *integrationv1.ChainServiceAttachResponse_Welcome:
			wasWelcome = true
			genesisHash = message.Welcome.GenesisHash
			interval := time.Duration(message.Welcome.HeartbeatIntervalMs) * time.Millisecond
			go beat(ctx, interval, say)
		case *integrationv1.ChainServiceAttachResponse_ImportBlocks:
			_ = say(answer(frame.CallId, actor, message.ImportBlocks.Blocks, genesisHash))
		}
	}
}

func answer(
	callID uint64,
	actor ChainActor,
	blocks [][]byte,
	genesisHash []byte,
) *integrationv1.ChainServiceAttachRequest {
	verdicts, err := actor.ImportBlocks(blocks, genesisHash)
	if err != nil {
		problem := &integrationv1.AttachError{Code: int32(codes.Internal), Message: err.Error()}
		return &integrationv1.ChainServiceAttachRequest{
			CallId:  callID,
			Message: &integrationv1.ChainServiceAttachRequest_Error{Error: problem},
		}
	}
	result := &integrationv1.ImportBlocksResult{Verdicts: verdicts}
	return &integrationv1.ChainServiceAttachRequest{
		CallId:  callID,
		Message: &integrationv1.ChainServiceAttachRequest_ImportBlocks{ImportBlocks: result},
	}
}

func beat(
	ctx context.Context,
	interval time.Duration,
	say func(*integrationv1.ChainServiceAttachRequest) error,
) {
	ticker := time.NewTicker(max(interval, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = say(&integrationv1.ChainServiceAttachRequest{
				Message: &integrationv1.ChainServiceAttachRequest_Heartbeat{
					Heartbeat: &integrationv1.AttachHeartbeat{},
				},
			})
		}
	}
}
