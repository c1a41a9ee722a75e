// A stand-in for the official discovery service, to compare with in bench/discovery.
//
// It is NOT the official server, nor derived from it: that one may not be used for this
// (Business Source License). It was written from our description of what the official
// one does (discovery.md, section 2): every update notifies every watcher, whether or
// not it changed anything; one message per affiliate and watcher; a queue of 32 messages
// per watcher; a watch whose queue overflows is ended with ABORTED. There is no rate
// limit, no log, no snapshot and no metric, so it does less per call than the official
// one does.
//
// Like that one it serves gRPC through Go's own HTTP/2 server (discovery.md 3.5);
// -native serves it through grpc-go's, which costs less per message.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/siderolabs/discovery-api/api/v1alpha1/server/pb"
	"google.golang.org/grpc"
)

const sweepInterval = time.Minute

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "`HOST:PORT` to serve on, without TLS")
	native := flag.Bool("native", false, "serve through grpc-go's HTTP/2 server")
	flag.Parse()

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	service := newService()
	server := grpc.NewServer()
	pb.RegisterClusterServer(server, service)
	go service.sweepEvery(sweepInterval)
	go exitOnSignal()
	if *native {
		log.Fatal(server.Serve(listener))
	}
	log.Fatal(httpServer(server).Serve(listener))
}

// httpServer serves HTTP/2 without TLS, by prior knowledge only.
func httpServer(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 250},
		ReadHeaderTimeout: 10 * time.Second,
	}
}

func exitOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	os.Exit(0)
}
