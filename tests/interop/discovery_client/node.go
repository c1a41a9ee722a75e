package main

import (
	"context"
	"crypto/aes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"sync"
	"time"

	clientpb "github.com/siderolabs/discovery-api/api/v1alpha1/client/pb"
	"github.com/siderolabs/discovery-client/pkg/client"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// node is one client of the service, running.
type node struct {
	*client.Client

	id      string
	changes chan struct{}
	calls   *calls
	errors  *observer.ObservedLogs
	stop    context.CancelFunc
	done    chan error
}

// roots returns what to trust; nil is the system's roots.
func (s *setting) roots() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.ca == "" {
		return config, nil
	}

	pem, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, err
	}

	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", s.ca)
	}

	return config, nil
}

func (s *setting) cluster(name string) string {
	return s.run + "/" + name
}

// start runs a client as a node of a cluster does.
func (s *setting) start(cluster, id string, ttl time.Duration) (*node, error) {
	cipher, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, err
	}

	roots, err := s.roots()
	if err != nil {
		return nil, err
	}

	n := &node{
		id:      id,
		changes: make(chan struct{}, 1),
		calls:   &calls{counts: map[string]int{}},
		done:    make(chan error, 1),
	}

	n.Client, err = client.NewClient(client.Options{
		Cipher:        cipher,
		Endpoint:      s.address,
		ClusterID:     s.cluster(cluster),
		AffiliateID:   id,
		ClientVersion: "v1.12.4",
		TTL:           ttl,
		Insecure:      !s.tls,
		TLSConfig:     func() *tls.Config { return roots },
		DialOptions:   []grpc.DialOption{grpc.WithStatsHandler(n.calls)},
	})
	if err != nil {
		return nil, err
	}

	core, errors := observer.New(zapcore.ErrorLevel)
	n.errors = errors

	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop

	go func() { n.done <- n.Run(ctx, zap.New(core), n.changes) }()

	return n, nil
}

// startMany runs nodes called node-0, node-1 and so on.
func (s *setting) startMany(cluster string, count int, ttl time.Duration) ([]*node, error) {
	nodes := make([]*node, count)

	for i := range nodes {
		n, err := s.start(cluster, fmt.Sprintf("node-%d", i), ttl)
		if err != nil {
			return nil, err
		}

		nodes[i] = n
	}

	return nodes, nil
}

// end stops nodes, as a machine does that is switched off: nothing is deleted.
func end(nodes ...*node) error {
	for _, n := range nodes {
		n.stop()
	}

	var failed error
	for _, n := range nodes {
		failed = errors.Join(failed, <-n.done)
	}

	return failed
}

func (n *node) record() *clientpb.Affiliate {
	return &clientpb.Affiliate{
		NodeId:   n.id,
		Hostname: "host-" + n.id,
		Nodename: "node name of " + n.id,
		Kubespan: &clientpb.KubeSpan{PublicKey: "key of " + n.id},
	}
}

func (n *node) publish(others []client.Endpoint, endpoints ...*clientpb.Endpoint) error {
	own := &client.Affiliate{Affiliate: n.record(), Endpoints: endpoints}

	return n.SetLocalData(own, others)
}

// find returns what the node knows of another; nil if nothing.
func (n *node) find(id string) *client.Affiliate {
	for _, affiliate := range n.GetAffiliates() {
		if affiliate.Affiliate.GetNodeId() == id {
			return affiliate
		}
	}

	return nil
}

// knows tells whether the node knows another with so many endpoints.
func (n *node) knows(id string, endpoints int) bool {
	found := n.find(id)

	return found != nil && len(found.Endpoints) == endpoints
}

// hears waits until what the node knows is as wanted; never longer than budget for the
// next notification, as the reference's tests do.
func (n *node) hears(what string, budget time.Duration, wanted func() bool) error {
	started := time.Now()

	for !wanted() {
		select {
		case <-n.changes:
		case <-time.After(budget):
			return fmt.Errorf("%s hears nothing for %s, so not: %s", n.id, budget, what)
		}
	}

	say(started, what)

	return nil
}

// await looks often until something is so.
func await(what string, budget time.Duration, wanted func() bool) error {
	started := time.Now()

	for !wanted() {
		if time.Since(started) > budget {
			return fmt.Errorf("not within %s: %s", budget, what)
		}

		time.Sleep(10 * time.Millisecond)
	}

	say(started, what)

	return nil
}

func say(since time.Time, what string) {
	fmt.Printf("%6d ms  %s\n", time.Since(since).Milliseconds(), what)
}

// inOrder runs steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}

	return nil
}

func endpoint(address string, port int) *clientpb.Endpoint {
	ip, err := netip.MustParseAddr(address).MarshalBinary()
	if err != nil {
		panic(err)
	}

	return &clientpb.Endpoint{Ip: ip, Port: uint32(port)}
}

// calls counts what one client asks of the service, and how often it connects.
type calls struct {
	mu          sync.Mutex
	counts      map[string]int
	connections int
}

// count returns how often a method was called.
func (c *calls) count(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.counts[method]
}

func (c *calls) connected() int {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.connections
}

func (c *calls) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.counts[path.Base(info.FullMethodName)]++

	return ctx
}

func (c *calls) HandleConn(_ context.Context, event stats.ConnStats) {
	if _, begun := event.(*stats.ConnBegin); begun {
		c.mu.Lock()
		defer c.mu.Unlock()

		c.connections++
	}
}

func (*calls) HandleRPC(context.Context, stats.RPCStats) {}

func (*calls) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
