// Package attach keeps a ChainActor, an EngineActor or a BridgeActor attached to a node: it dials, says hello, answers
// calls and heartbeats, hands over what the node tells, and dials again when the stream breaks. What the calls are done
// with is the caller's.
package attach

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	chainv1 "github.com/alys-network/alys-network/clients/go/gen/alys/chain/v1"
	integrationv1 "github.com/alys-network/alys-network/clients/go/gen/alys/integration/v1"
)

// Options of an attachment; only Address is needed.
type Options struct {
	// HOST:PORT or unix:PATH.
	Address string
	// Token for nodes that ask for one.
	Token string
	// Files in PEM. With CA alone it is TLS, with the other two the client shows a certificate.
	CA, Certificate, Key string
	TakeOver             bool
	OnProblem            func(error)
}

const (
	windowCalls = 4
	windowBytes = 8 * 1024 * 1024
	retryMin    = 100 * time.Millisecond
	retryMax    = 5 * time.Second
)

// speech is what differs between the three services: how frames are made and heard.
type speech[Request, Response any] struct {
	open        func(context.Context, grpc.ClientConnInterface) (grpc.BidiStreamingClient[Request, Response], error)
	hello       func(*integrationv1.AttachHello) *Request
	heartbeat   func(*integrationv1.AttachHeartbeat) *Request
	problem     func(callID uint64, problem *integrationv1.AttachError) *Request
	lastApplied func() (height uint64, hash []byte)
	// hear gives the welcome, or the answer to a call; an error is answered with its status.
	hear func(*Response) (callID uint64, welcome *integrationv1.AttachWelcome, answer *Request, err error)
}

// run returns when the context is done; until then it is attached or trying to be.
func run[Request, Response any](ctx context.Context, speech speech[Request, Response], options Options) error {
	transport, err := transportOf(options)
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient(
		options.Address,
		grpc.WithTransportCredentials(transport),
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(8*1024*1024)),
	)
	if err != nil {
		return err
	}
	defer connection.Close()
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	retry := retryMin
	for ctx.Err() == nil {
		wasWelcome, err := once(ctx, connection, speech, hex.EncodeToString(id), options)
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

func transportOf(options Options) (credentials.TransportCredentials, error) {
	if options.CA == "" {
		return insecure.NewCredentials(), nil
	}
	ca, err := os.ReadFile(options.CA)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		return nil, errors.New("no certificate in " + options.CA)
	}
	if options.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(options.Certificate, options.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}

func once[Request, Response any](
	ctx context.Context,
	connection grpc.ClientConnInterface,
	speech speech[Request, Response],
	instanceID string,
	options Options,
) (wasWelcome bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if options.Token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+options.Token)
	}
	stream, err := speech.open(ctx, connection)
	if err != nil {
		return false, err
	}
	// Heartbeats and answers come from two goroutines. A failed send says only that the stream is over; Recv says why.
	var sending sync.Mutex
	say := func(request *Request) {
		sending.Lock()
		defer sending.Unlock()
		_ = stream.Send(request)
	}
	hello := &integrationv1.AttachHello{
		ProtocolVersion: 1,
		InstanceId:      instanceID,
		CreditCalls:     windowCalls,
		CreditBytes:     windowBytes,
		TakeOver:        options.TakeOver,
	}
	// The actor is asked between its calls only; heartbeats repeat what it said last.
	var head atomic.Pointer[chainv1.BlockReference]
	look := func() {
		if speech.lastApplied == nil {
			return
		}
		if height, hash := speech.lastApplied(); hash != nil {
			head.Store(&chainv1.BlockReference{Height: height, Hash: hash})
		}
	}
	look()
	hello.LastApplied = head.Load()
	say(speech.hello(hello))
	for {
		frame, err := stream.Recv()
		if err != nil {
			return wasWelcome, err
		}
		callID, welcome, answer, err := speech.hear(frame)
		if err == nil {
			look()
		}
		switch {
		case welcome != nil:
			wasWelcome = true
			go beat(ctx, time.Duration(welcome.HeartbeatIntervalMs)*time.Millisecond, func() {
				say(speech.heartbeat(&integrationv1.AttachHeartbeat{Head: head.Load()}))
			})
		case callID == 0:
		case err != nil:
			code := status.Code(err)
			if code == codes.Unknown {
				code = codes.Internal
			}
			say(speech.problem(callID, &integrationv1.AttachError{Code: int32(code), Message: err.Error()}))
		default:
			say(answer)
		}
	}
}

func beat(ctx context.Context, interval time.Duration, say func()) {
	ticker := time.NewTicker(max(interval, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			say()
		}
	}
}

var errUnknownCall = status.Error(codes.Unimplemented, "this client does not know the call")
