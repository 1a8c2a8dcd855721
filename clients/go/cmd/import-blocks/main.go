// Command import-blocks is a ChainActor that imports blocks to its own store:
// import-blocks --address HOST:PORT --store FOLDER --until HEIGHT [--delay-ms MS]
// [--token-file FILE] [--ca FILE [--cert FILE --key FILE]]
package main

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/alys-network/alys-network/clients/go/attach"
	integrationv1 "github.com/alys-network/alys-network/clients/go/gen/alys/integration/v1"
	"github.com/alys-network/alys-network/clients/go/store"
)

var verdicts = map[store.Result]integrationv1.ImportVerdict{
	store.Imported:      integrationv1.ImportVerdict_IMPORT_VERDICT_IMPORTED,
	store.Known:         integrationv1.ImportVerdict_IMPORT_VERDICT_ALREADY_KNOWN,
	store.UnknownParent: integrationv1.ImportVerdict_IMPORT_VERDICT_NOT_NOW,
}

type importer struct {
	store *store.Store
	until int
	delay time.Duration
	stop  context.CancelFunc
}

func (i *importer) isDone() bool { return i.until > 0 && i.store.Height() >= i.until }

func (i *importer) LastApplied() (uint64, []byte) {
	return uint64(i.store.Height()), i.store.HeadHash()
}

func (i *importer) ImportBlocks(blocks [][]byte, genesisHash []byte) ([]integrationv1.ImportVerdict, error) {
	time.Sleep(i.delay)
	answers := make([]integrationv1.ImportVerdict, 0, len(blocks))
	for _, block := range blocks {
		result, err := i.store.Put(block, genesisHash)
		if err != nil {
			return nil, err
		}
		answers = append(answers, verdicts[result])
	}
	if err := i.store.Flush(); err != nil {
		return nil, err
	}
	if i.isDone() {
		// Leaves after this answer is on its way.
		time.AfterFunc(50*time.Millisecond, i.stop)
	}
	return answers, nil
}

func main() {
	connection := attach.Flags()
	folder := flag.String("store", "./blocks", "folder of the store")
	until := flag.Int("until", 0, "end at this height; 0 for never")
	delayMs := flag.Int("delay-ms", 0, "wait before each batch")
	flag.Parse()
	opened, err := store.Open(*folder)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	actor := &importer{opened, *until, time.Duration(*delayMs) * time.Millisecond, stop}
	if !actor.isDone() {
		options, err := connection()
		if err != nil {
			log.Fatal(err)
		}
		options.OnProblem = func(err error) { log.Print(err) }
		if err := attach.Chain(ctx, actor, options); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("{\"height\": %d, \"hash\": %q}\n", opened.Height(), hex.EncodeToString(opened.HeadHash()))
	if err := opened.Close(); err != nil {
		log.Fatal(err)
	}
}
