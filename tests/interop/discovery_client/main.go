// Program discovery_client runs several of the clients Talos nodes run against one
// service and fails unless they find each other, as nodes do:
//
//	discovery_client ADDRESS MODE [CA FILE]
//
// MODE two: two nodes meet, one changes its endpoints, then leaves.
// MODE many: fifteen nodes, each with an endpoint of its own and one told by another.
// MODE expire: one node goes silent and is forgotten.
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
	"time"

	clientpb "github.com/siderolabs/discovery-api/api/v1alpha1/client/pb"
	"github.com/siderolabs/discovery-client/pkg/client"
	"go.uber.org/zap"
)

const patience = 10 * time.Second

// node is one client, running.
type node struct {
	*client.Client

	id   string
	stop context.CancelFunc
	done chan error
}

func start(address, cluster, id, ca string, ttl time.Duration) (*node, error) {
	cipher, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}

	options := client.Options{
		Cipher:        cipher,
		Endpoint:      address,
		ClusterID:     cluster,
		AffiliateID:   id,
		ClientVersion: "v1.12.4",
		TTL:           ttl,
		Insecure:      ca == "",
	}

	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}

		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		options.TLSConfig = func() *tls.Config { return &tls.Config{RootCAs: roots} }
	}

	c, err := client.NewClient(options)
	if err != nil {
		return nil, err
	}

	ctx, stop := context.WithCancel(context.Background())
	n := &node{Client: c, id: id, stop: stop, done: make(chan error, 1)}

	go func() { n.done <- c.Run(ctx, zap.NewNop(), make(chan struct{}, 1)) }()

	return n, nil
}

func (n *node) publish(others []client.Endpoint, endpoints ...*clientpb.Endpoint) error {
	return n.SetLocalData(&client.Affiliate{
		Affiliate: &clientpb.Affiliate{
			NodeId:   n.id,
			Hostname: "host-" + n.id,
			Kubespan: &clientpb.KubeSpan{PublicKey: "key of " + n.id},
		},
		Endpoints: endpoints,
	}, others)
}

// endpointCount is how many endpoints the node knows of another; -1 if it does not
// know it, or not what it published.
func (n *node) endpointCount(other string) int {
	for _, affiliate := range n.GetAffiliates() {
		if affiliate.Affiliate.NodeId == other && affiliate.Affiliate.Hostname == "host-"+other {
			return len(affiliate.Endpoints)
		}
	}

	return -1
}

func endpoint(address string, port uint32) *clientpb.Endpoint {
	ip, err := netip.MustParseAddr(address).MarshalBinary()
	if err != nil {
		panic(err)
	}

	return &clientpb.Endpoint{Ip: ip, Port: port}
}

func await(what string, reached func() bool) error {
	started := time.Now()

	for !reached() {
		if time.Since(started) > patience {
			return fmt.Errorf("not within %s: %s", patience, what)
		}

		time.Sleep(20 * time.Millisecond)
	}

	fmt.Printf("%5d ms  %s\n", time.Since(started).Milliseconds(), what)

	return nil
}

func two(address, ca string) error {
	one, err := start(address, "two", "one", ca, time.Minute)
	if err != nil {
		return err
	}

	other, err := start(address, "two", "other", ca, time.Minute)
	if err != nil {
		return err
	}

	return errors.Join(
		one.publish(nil, endpoint("192.0.2.1", 51820)),
		other.publish(nil, endpoint("2001:db8::2", 51820)),
		await("one finds the other", func() bool { return one.endpointCount("other") == 1 }),
		await("the other finds one", func() bool { return other.endpointCount("one") == 1 }),
		await("one learns its public address", func() bool { return len(one.GetPublicIP()) == 4 }),
		one.publish(nil, endpoint("192.0.2.1", 51820), endpoint("1.2.3.4", 5678)),
		await("the other learns an endpoint", func() bool { return other.endpointCount("one") == 2 }),
		leave(one),
		await("the other forgets one", func() bool { return other.endpointCount("one") == -1 }),
		stop(one, other),
	)
}

func leave(n *node) error {
	n.DeleteLocalAffiliate()

	return nil
}

func stop(nodes ...*node) error {
	for _, n := range nodes {
		n.stop()

		if err := <-n.done; err != nil {
			return err
		}
	}

	return nil
}

func many(address, ca string) error {
	const count = 15

	nodes := make([]*node, count)

	for i := range nodes {
		n, err := start(address, "many", fmt.Sprintf("node-%d", i), ca, 10*time.Second)
		if err != nil {
			return err
		}

		nodes[i] = n
	}

	for i, n := range nodes {
		next := (i + 1) % count
		told := client.Endpoint{
			AffiliateID: nodes[next].id,
			Endpoints:   []*clientpb.Endpoint{endpoint("::", uint32(next+1)*100)},
		}

		if err := n.publish([]client.Endpoint{told}, endpoint("0.0.0.0", uint32(i+1)*10)); err != nil {
			return err
		}
	}

	everybodyKnowsAll := func() bool {
		for _, n := range nodes {
			for _, other := range nodes {
				if n != other && n.endpointCount(other.id) != 2 {
					return false
				}
			}
		}

		return true
	}

	return errors.Join(
		await("everybody knows two endpoints of everybody", everybodyKnowsAll),
		stop(nodes...),
	)
}

func expire(address, ca string) error {
	one, err := start(address, "expire", "one", ca, time.Second)
	if err != nil {
		return err
	}

	other, err := start(address, "expire", "other", ca, time.Minute)
	if err != nil {
		return err
	}

	return errors.Join(
		one.publish(nil, endpoint("192.0.2.1", 51820)),
		other.publish(nil),
		await("the other finds one", func() bool { return other.endpointCount("one") == 1 }),
		stop(one),
		await("the other forgets one", func() bool { return other.endpointCount("one") == -1 }),
		stop(other),
	)
}

func run(arguments []string) error {
	ca := ""
	if len(arguments) > 2 {
		ca = arguments[2]
	}

	switch arguments[1] {
	case "two":
		return two(arguments[0], ca)
	case "many":
		return many(arguments[0], ca)
	case "expire":
		return expire(arguments[0], ca)
	default:
		return fmt.Errorf("no such mode: %s", arguments[1])
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
