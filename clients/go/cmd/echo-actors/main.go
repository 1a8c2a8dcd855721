// Command echo-actors is an EngineActor that takes transactions of even length, and a BridgeActor that answers what it is
// sent: echo-actors --address HOST:PORT
// It prints what it is told and ends with its standard input.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/alys-network/alys-network/clients/go/attach"
	v1 "github.com/alys-network/alys-network/clients/go/gen/alys/integration/v1"
)

type engine struct{ payloads map[string][]byte }

func (*engine) ValidateTransaction(transaction []byte, _ *v1.TransactionSource) (v1.TransactionVerdict, error) {
	if len(transaction)%2 == 0 {
		return v1.TransactionVerdict_TRANSACTION_VERDICT_ACCEPT, nil
	}
	return v1.TransactionVerdict_TRANSACTION_VERDICT_REJECT, nil
}

func (e *engine) ReceivePayload(_, payloadHash, payload []byte) error {
	e.payloads[string(payloadHash)] = payload
	return nil
}

func (e *engine) ProvidePayload(_, payloadHash []byte) ([]byte, error) {
	payload, isKnown := e.payloads[string(payloadHash)]
	if !isKnown {
		return nil, status.Error(codes.NotFound, "there is no such payload")
	}
	return payload, nil
}

func (*engine) Told(notice *v1.EngineServiceAttachResponse) {
	fmt.Printf("engine %T\n", notice.Message)
}

type bridge struct{}

func (bridge) FederationMessage(_ []byte, _ string, message []byte) ([]byte, error) {
	return message, nil
}

func (bridge) Told(notice *v1.BridgeServiceAttachResponse) { fmt.Printf("bridge %T\n", notice.Message) }

func main() {
	connection := attach.Flags()
	flag.Parse()
	options, err := connection()
	if err != nil {
		log.Fatal(err)
	}
	options.OnProblem = func(err error) { log.Print(err) }
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = attach.Engine(ctx, &engine{map[string][]byte{}}, options) })
	running.Go(func() { _ = attach.Bridge(ctx, bridge{}, options) })
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	running.Wait()
}
