// A peer on go-libp2p, over TCP with TLS or over QUIC: identify, ping, the status handshake, a range of blocks, and the topic of
// blocks by go-libp2p-pubsub. It prints a line for each thing that it has seen, and ends when a block has come by gossip.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// Everything together; on a busy machine most of it is waiting for the heartbeat of gossip.
const wholeMax = 90 * time.Second

const chunkBytesMax = 4 * 1024 * 1024

const (
	statusOK  = 0
	statusEnd = 5
)

func readBytes(reader *bufio.Reader) ([]byte, error) {
	length, err := binary.ReadUvarint(reader)
	if err != nil {
		return nil, err
	}
	if length > chunkBytesMax {
		return nil, errors.New("a length is too large")
	}
	bytes := make([]byte, length)
	_, err = io.ReadFull(reader, bytes)
	return bytes, err
}

func writeBytes(writer io.Writer, bytes []byte) error {
	_, err := writer.Write(append(binary.AppendUvarint(nil, uint64(len(bytes))), bytes...))
	return err
}

// ask sends one request, closes its half, and reads the chunks of the answer.
func ask(ctx context.Context, own host.Host, id peer.ID, name string, request []byte) ([][]byte, error) {
	stream, err := own.NewStream(ctx, id, protocol.ID(name))
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	if err := writeBytes(stream, request); err != nil {
		return nil, err
	}
	if err := stream.CloseWrite(); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(stream)
	var chunks [][]byte
	for {
		status, err := reader.ReadByte()
		if err != nil {
			return nil, err
		}
		switch status {
		case statusOK:
			chunk, err := readBytes(reader)
			if err != nil {
				return nil, err
			}
			chunks = append(chunks, chunk)
		case statusEnd:
			return chunks, nil
		default:
			return nil, fmt.Errorf("the answer is status %d", status)
		}
	}
}

// answer tells the own status to whoever asks.
func answer(stream network.Stream, status []byte) {
	defer stream.Close()
	if _, err := readBytes(bufio.NewReader(stream)); err != nil {
		return
	}
	if _, err := stream.Write([]byte{statusOK}); err != nil {
		return
	}
	if writeBytes(stream, status) == nil {
		_, _ = stream.Write([]byte{statusEnd})
	}
}

// inside returns what is in the envelope: one field 1 of bytes, in its shortest encoding.
func inside(data []byte) []byte {
	length, size := binary.Uvarint(data[min(1, len(data)):])
	if size <= 0 || data[0] != 0x0a || uint64(len(data)-1-size) != length {
		return data
	}
	return data[1+size:]
}

func messageID(message *pb.Message) string {
	content := append(append([]byte(message.GetTopic()), 0), inside(message.Data)...)
	digest := sha256.Sum256(content)
	return string(digest[:20])
}

type found chan peer.AddrInfo

func (f found) HandlePeerFound(info peer.AddrInfo) { f <- info }

// discover prints the first peer that multicast tells of, and its addresses.
func discover(ctx context.Context, service string) error {
	own, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/0.0.0.0/tcp/0"))
	if err != nil {
		return err
	}
	defer own.Close()
	peers := make(found, 16)
	resolver := mdns.NewMdnsService(own, service, peers)
	if err := resolver.Start(); err != nil {
		return err
	}
	defer resolver.Close()
	select {
	case info := <-peers:
		fmt.Println("found", info.ID, info.Addrs)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func run(ctx context.Context) error {
	address := flag.String("address", "", "multiaddr of the node, with its peer id")
	statusProtocol := flag.String("status-protocol", "", "full name")
	rangeProtocol := flag.String("range-protocol", "", "full name")
	topicName := flag.String("topic", "", "full name of the topic of blocks")
	statusHex := flag.String("status", "", "our Status")
	service := flag.String("mdns", "", "instead of joining: wait until a peer of this multicast service is heard of")
	rangeHex := flag.String("range", "", "a BlocksByRangeRequest")
	flag.Parse()
	if *service != "" {
		return discover(ctx, *service)
	}
	target, err := peer.AddrInfoFromString(*address)
	if err != nil {
		return err
	}
	status, err := hex.DecodeString(*statusHex)
	if err != nil {
		return err
	}
	wanted, err := hex.DecodeString(*rangeHex)
	if err != nil {
		return err
	}
	own, err := libp2p.New(
		libp2p.NoListenAddrs,
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Transport(quic.NewTransport),
		libp2p.Security(tls.ID, tls.New),
		libp2p.UserAgent("interop/1"),
	)
	if err != nil {
		return err
	}
	defer own.Close()
	own.SetStreamHandler(protocol.ID(*statusProtocol), func(stream network.Stream) { answer(stream, status) })
	identified, err := own.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return err
	}
	router, err := pubsub.NewGossipSub(ctx, own,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(8*1024*1024),
	)
	if err != nil {
		return err
	}
	topic, err := router.Join(*topicName)
	if err != nil {
		return err
	}
	messages, err := topic.Subscribe()
	if err != nil {
		return err
	}
	if err := own.Connect(ctx, *target); err != nil {
		return err
	}
	select {
	case told := <-identified.Out():
		fmt.Println("identified", told.(event.EvtPeerIdentificationCompleted).AgentVersion)
	case <-ctx.Done():
		return ctx.Err()
	}
	greeting, err := ask(ctx, own, target.ID, *statusProtocol, status)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	for _, chunk := range greeting {
		fmt.Println("status", hex.EncodeToString(chunk))
	}
	// Nothing but the handshake is served before it.
	pong := <-ping.Ping(ctx, own, target.ID)
	if pong.Error != nil {
		return fmt.Errorf("ping: %w", pong.Error)
	}
	fmt.Println("ping", pong.RTT.Microseconds())
	blocks, err := ask(ctx, own, target.ID, *rangeProtocol, wanted)
	if err != nil {
		return fmt.Errorf("range: %w", err)
	}
	for _, chunk := range blocks {
		fmt.Println("chunk", hex.EncodeToString(chunk))
	}
	fmt.Println("range", len(blocks))
	message, err := messages.Next(ctx)
	if err != nil {
		return err
	}
	fmt.Println("gossip", hex.EncodeToString(message.Data))
	return nil
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), wholeMax)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
