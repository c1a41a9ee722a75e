package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	serverpb "github.com/siderolabs/discovery-api/api/v1alpha1/server/pb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
)

// connection is the bare API.
type connection struct {
	serverpb.ClusterClient

	calls *calls
	conn  *grpc.ClientConn
}

// dial opens a connection that pings as often as any client does.
func (s *setting) dial(address string) (*connection, error) {
	secrecy := insecure.NewCredentials()

	if s.tls {
		roots, err := s.roots()
		if err != nil {
			return nil, err
		}

		secrecy = credentials.NewTLS(roots)
	}

	counted := &calls{counts: map[string]int{}}

	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(secrecy),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second}),
		grpc.WithStatsHandler(counted))
	if err != nil {
		return nil, err
	}

	return &connection{serverpb.NewClusterClient(conn), counted, conn}, nil
}

func (c *connection) close() { c.conn.Close() } //nolint:errcheck // nothing depends on it

// list returns the affiliates of a cluster by ID.
func (c *connection) list(cluster string) (map[string]*serverpb.Affiliate, error) {
	response, err := c.List(context.Background(), &serverpb.ListRequest{ClusterId: cluster})
	if err != nil {
		return nil, err
	}

	listed := map[string]*serverpb.Affiliate{}
	for _, one := range response.GetAffiliates() {
		listed[one.GetId()] = one
	}

	return listed, nil
}

// bare makes a scenario of what needs only the API.
func bare(play func(context.Context, *setting, *connection) error) scenario {
	return func(s *setting) error {
		c, err := s.dial(s.address)
		if err != nil {
			return err
		}
		defer c.close()

		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()

		return play(ctx, s, c)
	}
}

// apiScenarios are written from the table in discovery.md 6.1, with its names.
func apiScenarios() map[string]scenario {
	return map[string]scenario{
		"ServerAPI/Hello":                 bare(hello),
		"ServerAPI/HelloWithRealIP":       bare(helloFrom("X-Real-IP", "1.2.3.4", "1.2.3.4")),
		"ServerAPI/HelloWithForwardedFor": bare(helloFrom("X-Forwarded-For", "5.6.7.8,192.168.0.0.1", "5.6.7.8")),
		"ServerAPI/AffiliateUpdate":       bare(affiliateUpdate),
		"ServerAPI/AffiliateDelete":       bare(affiliateDelete),
		"ServerAPI/Watch":                 bare(watch),
		"HelloClientIPReporting/disabled": bare(helloUnreported),
		"ServerRedirect":                  bare(serverRedirect),
	}
}

func (s *setting) helloRequest(cluster string) *serverpb.HelloRequest {
	return &serverpb.HelloRequest{ClusterId: s.cluster(cluster), ClientVersion: "v0.12.0"}
}

func hello(ctx context.Context, s *setting, c *connection) error {
	response, err := c.Hello(ctx, s.helloRequest("fake"))
	if err != nil {
		return err
	}

	if response.Redirect != nil {
		return fmt.Errorf("unasked redirect %v", response.Redirect)
	}

	return isAddress(response.GetClientIp(), "127.0.0.1")
}

func helloFrom(header, value, address string) func(context.Context, *setting, *connection) error {
	return func(ctx context.Context, s *setting, c *connection) error {
		ctx = metadata.AppendToOutgoingContext(ctx, header, value)

		response, err := c.Hello(ctx, s.helloRequest("fake"))
		if err != nil {
			return err
		}

		return isAddress(response.GetClientIp(), address)
	}
}

func isAddress(raw []byte, wanted string) error {
	if !net.IP(raw).Equal(net.ParseIP(wanted)) || len(raw) != 4 {
		return fmt.Errorf("client_ip %x is not %s in 4 bytes", raw, wanted)
	}

	return nil
}

func helloUnreported(ctx context.Context, s *setting, c *connection) error {
	response, err := c.Hello(ctx, s.helloRequest("fake"))
	if err == nil && len(response.GetClientIp()) != 0 {
		err = fmt.Errorf("client_ip %x is reported", response.GetClientIp())
	}

	return err
}

func serverRedirect(ctx context.Context, s *setting, c *connection) error {
	response, err := c.Hello(ctx, s.helloRequest("fake"))
	if err == nil && response.GetRedirect().GetEndpoint() != s.redirect {
		err = fmt.Errorf("redirect %v is not %s", response.GetRedirect(), s.redirect)
	}

	return err
}

func affiliateUpdate(ctx context.Context, s *setting, c *connection) error {
	request := &serverpb.AffiliateUpdateRequest{
		ClusterId: s.cluster("fake1"), AffiliateId: "af1", AffiliateData: []byte("data1"),
		AffiliateEndpoints: blobs("e1", "e2"), Ttl: durationpb.New(time.Minute),
	}
	more := &serverpb.AffiliateUpdateRequest{
		ClusterId: s.cluster("fake1"), AffiliateId: "af1",
		AffiliateEndpoints: blobs("e3", "e2"), Ttl: durationpb.New(time.Minute),
	}

	return inOrder(
		func() error { _, err := c.AffiliateUpdate(ctx, request); return err },
		func() error { return holds(c, s.cluster("fake1"), "data1", "e1", "e2") },
		func() error { _, err := c.AffiliateUpdate(ctx, more); return err },
		func() error { return holds(c, s.cluster("fake1"), "data1", "e1", "e2", "e3") },
	)
}

// holds fails unless a cluster is just af1, with these endpoints in this order.
func holds(c *connection, cluster, data string, endpoints ...string) error {
	listed, err := c.list(cluster)
	if err != nil {
		return err
	}

	return isAffiliate(listed["af1"], len(listed), data, endpoints...)
}

func isAffiliate(one *serverpb.Affiliate, count int, data string, endpoints ...string) error {
	same := func(a, b []byte) bool { return string(a) == string(b) }
	if count != 1 || string(one.GetData()) != data ||
		!slices.EqualFunc(one.GetEndpoints(), blobs(endpoints...), same) {
		return fmt.Errorf("%d affiliates, %v instead of %q with %q", count, one, data, endpoints)
	}

	return nil
}

func blobs(texts ...string) [][]byte {
	raw := make([][]byte, 0, len(texts))
	for _, text := range texts {
		raw = append(raw, []byte(text))
	}

	return raw
}

func affiliateDelete(ctx context.Context, s *setting, c *connection) error {
	cluster := s.cluster("fake2")
	remove := func() error {
		_, err := c.AffiliateDelete(ctx, &serverpb.AffiliateDeleteRequest{ClusterId: cluster, AffiliateId: "af1"})

		return err
	}

	return inOrder(
		remove,
		func() error { return c.put(ctx, cluster, "af1", "data1") },
		remove,
		func() error {
			listed, err := c.list(cluster)
			if err == nil && len(listed) != 0 {
				err = fmt.Errorf("%v is listed still", listed)
			}

			return err
		},
	)
}

// put stores an affiliate without a lifetime, as the reference's tests do.
func (c *connection) put(ctx context.Context, cluster, id, data string) error {
	_, err := c.AffiliateUpdate(ctx, &serverpb.AffiliateUpdateRequest{
		ClusterId: cluster, AffiliateId: id, AffiliateData: []byte(data),
	})

	return err
}

func watch(ctx context.Context, s *setting, c *connection) error {
	cluster := s.cluster("fake3")
	if err := c.put(ctx, cluster, "af1", "data1"); err != nil {
		return err
	}

	stream, err := c.Watch(ctx, &serverpb.WatchRequest{ClusterId: cluster})
	if err != nil {
		return err
	}

	return inOrder(
		func() error { return says(stream, false, "af1", "data1") },
		func() error { return c.put(ctx, cluster, "af2", "data2") },
		func() error { return says(stream, false, "af2", "data2") },
		func() error {
			_, err := c.AffiliateDelete(ctx, &serverpb.AffiliateDeleteRequest{ClusterId: cluster, AffiliateId: "af1"})

			return err
		},
		func() error { return says(stream, true, "af1", "") },
	)
}

// says fails unless the next message of a watch is about this affiliate alone.
func says(stream serverpb.Cluster_WatchClient, deleted bool, id, data string) error {
	message, err := stream.Recv()
	if err != nil {
		return err
	}

	if len(message.GetAffiliates()) == 0 {
		return errors.New("an empty message")
	}

	one := message.GetAffiliates()[0]
	if message.GetDeleted() != deleted || one.GetId() != id {
		return fmt.Errorf("%v instead of %s (deleted: %t)", message, id, deleted)
	}

	return isAffiliate(one, len(message.GetAffiliates()), data)
}
