// A log made by Tessera, another implementation of C2SP tlog-tiles: the source of ../tessera.json.
// Not run by the gate: `go run . FOLDER` needs Go and its modules.
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// Entry i: type 1, a school's code, SHA-256 of "xinji vector <i>".
func entry(i int) []byte {
	h := sha256.Sum256([]byte(fmt.Sprintf("xinji vector %d", i)))
	return append([]byte{1}, append([]byte("4141010459"), h[:]...)...)
}

func main() {
	ctx := context.Background()
	name := "c2sp.example/log"
	seed := sha256.Sum256([]byte("xinji vector: the key of a log that is none"))
	priv := ed25519.NewKeyFromSeed(seed[:])
	pub := append([]byte{1}, priv.Public().(ed25519.PublicKey)...)
	vkey, err := note.NewEd25519VerifierKey(name, priv.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	kh := sha256.Sum256(append([]byte(name+"\n"), pub...))
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, kh[:4], base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)))
	signer, err := note.NewSigner(skey)
	if err != nil {
		panic(err)
	}
	driver, err := posix.New(ctx, posix.Config{Path: os.Args[1]})
	if err != nil {
		panic(err)
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithBatching(1024, 50*time.Millisecond).WithCheckpointInterval(100*time.Millisecond))
	if err != nil {
		panic(err)
	}
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	at := 0
	for _, size := range []int{3, 300, 70000} {
		var last tessera.IndexFuture
		for ; at < size; at++ {
			last = appender.Add(ctx, tessera.NewEntry(entry(at)))
			if (at+1)%1024 == 0 || at == size-1 {
				if idx, err := last(); err != nil || idx.Index != uint64(at) {
					panic(fmt.Sprint(idx, err))
				}
			}
		}
		_, cp, err := await.Await(ctx, last)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(os.Stderr, "%s\n", cp)
	}
	if err := shutdown(ctx); err != nil {
		panic(err)
	}
	fmt.Println(vkey)
	fmt.Println(skey)
}
