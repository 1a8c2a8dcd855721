package attach

import (
	"context"

	"google.golang.org/grpc"

	v1 "github.com/alys-network/alys-network/clients/go/gen/alys/integration/v1"
)

// ChainActor is what the node calls. Its methods are called one at a time.
type ChainActor interface {
	// LastApplied gives the newest durable block; a nil hash for none.
	LastApplied() (height uint64, hash []byte)
	// ImportBlocks gives a verdict a block, in their order, once they are durable.
	ImportBlocks(blocks [][]byte, genesisHash []byte) ([]v1.ImportVerdict, error)
}

// EngineActor is what the node calls. Its methods are called one at a time; an error of package status is answered as it is.
type EngineActor interface {
	// ValidateTransaction judges a transaction; the source is nil for one of the node's own clients.
	ValidateTransaction(transaction []byte, source *v1.TransactionSource) (v1.TransactionVerdict, error)
	ReceivePayload(memberKey, payloadHash, payload []byte) error
	// ProvidePayload answers codes.NotFound for a payload that it does not have.
	ProvidePayload(memberKey, payloadHash []byte) ([]byte, error)
}

// BridgeActor is what the node calls. Its methods are called one at a time.
type BridgeActor interface {
	// FederationMessage gives the reply, which may be empty.
	FederationMessage(memberKey []byte, label string, message []byte) ([]byte, error)
}

// ChainListener is a ChainActor that wants to know what happens; the notice is a oneof case of ChainServiceAttachResponse.
type ChainListener interface {
	Told(notice *v1.ChainServiceAttachResponse)
}

// EngineListener is an EngineActor that wants to know what happens.
type EngineListener interface {
	Told(notice *v1.EngineServiceAttachResponse)
}

// BridgeListener is a BridgeActor that wants to know what happens.
type BridgeListener interface {
	Told(notice *v1.BridgeServiceAttachResponse)
}

// Chain returns when the context is done; until then it is attached or trying to be.
func Chain(ctx context.Context, actor ChainActor, options Options) error {
	type Request = v1.ChainServiceAttachRequest
	type Response = v1.ChainServiceAttachResponse
	var genesisHash []byte
	return run(ctx, speech[Request, Response]{
		open: func(ctx context.Context, connection grpc.ClientConnInterface) (grpc.BidiStreamingClient[Request, Response], error) {
			return v1.NewChainServiceClient(connection).Attach(ctx)
		},
		hello: func(hello *v1.AttachHello) *Request {
			return &Request{Message: &v1.ChainServiceAttachRequest_Hello{Hello: hello}}
		},
		heartbeat: func(heartbeat *v1.AttachHeartbeat) *Request {
			return &Request{Message: &v1.ChainServiceAttachRequest_Heartbeat{Heartbeat: heartbeat}}
		},
		problem: func(callID uint64, problem *v1.AttachError) *Request {
			return &Request{CallId: callID, Message: &v1.ChainServiceAttachRequest_Error{Error: problem}}
		},
		lastApplied: actor.LastApplied,
		hear: func(frame *Response) (uint64, *v1.AttachWelcome, *Request, error) {
			switch message := frame.Message.(type) {
			case *v1.ChainServiceAttachResponse_Heartbeat:
				return 0, nil, nil, nil
			case *v1.ChainServiceAttachResponse_Welcome:
				genesisHash = message.Welcome.GenesisHash
				return 0, message.Welcome, nil, nil
			case *v1.ChainServiceAttachResponse_ImportBlocks:
				verdicts, err := actor.ImportBlocks(message.ImportBlocks.Blocks, genesisHash)
				result := &v1.ChainServiceAttachRequest_ImportBlocks{ImportBlocks: &v1.ImportBlocksResult{Verdicts: verdicts}}
				return frame.CallId, nil, &Request{CallId: frame.CallId, Message: result}, err
			}
			if listener, ok := actor.(ChainListener); ok && frame.CallId == 0 {
				listener.Told(frame)
			}
			return frame.CallId, nil, nil, errUnknownCall
		},
	}, options)
}

// Engine returns when the context is done; until then it is attached or trying to be.
func Engine(ctx context.Context, actor EngineActor, options Options) error {
	type Request = v1.EngineServiceAttachRequest
	type Response = v1.EngineServiceAttachResponse
	return run(ctx, speech[Request, Response]{
		open: func(ctx context.Context, connection grpc.ClientConnInterface) (grpc.BidiStreamingClient[Request, Response], error) {
			return v1.NewEngineServiceClient(connection).Attach(ctx)
		},
		hello: func(hello *v1.AttachHello) *Request {
			return &Request{Message: &v1.EngineServiceAttachRequest_Hello{Hello: hello}}
		},
		heartbeat: func(heartbeat *v1.AttachHeartbeat) *Request {
			return &Request{Message: &v1.EngineServiceAttachRequest_Heartbeat{Heartbeat: heartbeat}}
		},
		problem: func(callID uint64, problem *v1.AttachError) *Request {
			return &Request{CallId: callID, Message: &v1.EngineServiceAttachRequest_Error{Error: problem}}
		},
		hear: func(frame *Response) (uint64, *v1.AttachWelcome, *Request, error) {
			answer := &Request{CallId: frame.CallId}
			var err error
			switch message := frame.Message.(type) {
			case *v1.EngineServiceAttachResponse_Heartbeat:
				return 0, nil, nil, nil
			case *v1.EngineServiceAttachResponse_Welcome:
				return 0, message.Welcome, nil, nil
			case *v1.EngineServiceAttachResponse_ValidateTransaction:
				result := &v1.ValidateTransactionResult{}
				call := message.ValidateTransaction
				result.Verdict, err = actor.ValidateTransaction(call.Transaction, call.Source)
				answer.Message = &v1.EngineServiceAttachRequest_ValidateTransaction{ValidateTransaction: result}
			case *v1.EngineServiceAttachResponse_ReceivePayload:
				call := message.ReceivePayload
				err = actor.ReceivePayload(call.MemberKey, call.PayloadHash, call.Payload)
				answer.Message = &v1.EngineServiceAttachRequest_ReceivePayload{ReceivePayload: &v1.ReceivePayloadResult{}}
			case *v1.EngineServiceAttachResponse_ProvidePayload:
				result := &v1.ProvidePayloadResult{}
				call := message.ProvidePayload
				result.Payload, err = actor.ProvidePayload(call.MemberKey, call.PayloadHash)
				answer.Message = &v1.EngineServiceAttachRequest_ProvidePayload{ProvidePayload: result}
			default:
				if listener, ok := actor.(EngineListener); ok && frame.CallId == 0 {
					listener.Told(frame)
				}
				return frame.CallId, nil, nil, errUnknownCall
			}
			return frame.CallId, nil, answer, err
		},
	}, options)
}

// Bridge returns when the context is done; until then it is attached or trying to be.
func Bridge(ctx context.Context, actor BridgeActor, options Options) error {
	type Request = v1.BridgeServiceAttachRequest
	type Response = v1.BridgeServiceAttachResponse
	return run(ctx, speech[Request, Response]{
		open: func(ctx context.Context, connection grpc.ClientConnInterface) (grpc.BidiStreamingClient[Request, Response], error) {
			return v1.NewBridgeServiceClient(connection).Attach(ctx)
		},
		hello: func(hello *v1.AttachHello) *Request {
			return &Request{Message: &v1.BridgeServiceAttachRequest_Hello{Hello: hello}}
		},
		heartbeat: func(heartbeat *v1.AttachHeartbeat) *Request {
			return &Request{Message: &v1.BridgeServiceAttachRequest_Heartbeat{Heartbeat: heartbeat}}
		},
		problem: func(callID uint64, problem *v1.AttachError) *Request {
			return &Request{CallId: callID, Message: &v1.BridgeServiceAttachRequest_Error{Error: problem}}
		},
		hear: func(frame *Response) (uint64, *v1.AttachWelcome, *Request, error) {
			switch message := frame.Message.(type) {
			case *v1.BridgeServiceAttachResponse_Heartbeat:
				return 0, nil, nil, nil
			case *v1.BridgeServiceAttachResponse_Welcome:
				return 0, message.Welcome, nil, nil
			case *v1.BridgeServiceAttachResponse_FederationMessage:
				call := message.FederationMessage
				reply, err := actor.FederationMessage(call.MemberKey, call.Label, call.Message)
				result := &v1.BridgeServiceAttachRequest_FederationMessage{
					FederationMessage: &v1.FederationMessageResult{Reply: reply},
				}
				return frame.CallId, nil, &Request{CallId: frame.CallId, Message: result}, err
			}
			if listener, ok := actor.(BridgeListener); ok && frame.CallId == 0 {
				listener.Told(frame)
			}
			return frame.CallId, nil, nil, errUnknownCall
		},
	}, options)
}
