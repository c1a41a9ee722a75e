package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	serverpb "github.com/siderolabs/discovery-api/api/v1alpha1/server/pb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// validationScenarios are written from the table in discovery.md 6.1, with its names.
func validationScenarios() map[string]scenario {
	return map[string]scenario{
		"Validation/Hello":                           bare(badHello),
		"Validation/AffiliateUpdate":                 bare(badUpdate),
		"Validation/AffiliateUpdateTooMany":          bare(tooManyAffiliates),
		"Validation/AffiliateUpdateTooManyEndpoints": bare(tooManyEndpoints),
		"Validation/AffiliateDelete":                 bare(badDelete),
		"Validation/List":                            bare(badList),
		"Validation/Watch":                           bare(badWatch),
		"ServerRateLimit":                            bare(serverRateLimit),
	}
}

var long = strings.Repeat("A", 1024)

func is(code codes.Code, what string, err error) error {
	if status.Code(err) != code {
		return fmt.Errorf("%s: %s instead of %s: %w", what, status.Code(err), code, err)
	}

	return nil
}

func badHello(ctx context.Context, _ *setting, c *connection) error {
	for _, id := range []string{"", long} {
		_, err := c.Hello(ctx, &serverpb.HelloRequest{ClusterId: id})
		if err := is(codes.InvalidArgument, id, err); err != nil {
			return err
		}
	}

	return nil
}

func badUpdate(ctx context.Context, s *setting, c *connection) error {
	const id = "af"

	cluster := s.cluster("valid")
	bad := map[string]*serverpb.AffiliateUpdateRequest{
		"empty":        {},
		"cluster ID":   {ClusterId: long[:257], AffiliateId: id},
		"affiliate ID": {ClusterId: cluster, AffiliateId: long[:257]},
		"data":         {ClusterId: cluster, AffiliateId: id, AffiliateData: make([]byte, 2049)},
		"endpoint":     {ClusterId: cluster, AffiliateId: id, AffiliateEndpoints: [][]byte{make([]byte, 33)}},
		"lifetime":     {ClusterId: cluster, AffiliateId: id, Ttl: durationpb.New(30*time.Minute + 1)},
	}

	for what, request := range bad {
		_, err := c.AffiliateUpdate(ctx, request)
		if err := is(codes.InvalidArgument, what, err); err != nil {
			return err
		}
	}

	listed, err := c.list(cluster)
	if err == nil && len(listed) != 0 {
		err = fmt.Errorf("refused, but stored: %v", listed)
	}

	return err
}

func tooManyAffiliates(ctx context.Context, s *setting, c *connection) error {
	update := func(id string) error {
		_, err := c.AffiliateUpdate(ctx, &serverpb.AffiliateUpdateRequest{
			ClusterId: s.cluster("fatcluster"), AffiliateId: id, Ttl: durationpb.New(time.Minute),
		})

		return err
	}

	for i := range 1024 {
		if err := update(fmt.Sprintf("af%d", i)); err != nil {
			return fmt.Errorf("affiliate %d: %w", i, err)
		}
	}

	if err := is(codes.ResourceExhausted, "the 1025th affiliate", update("af")); err != nil {
		return err
	}

	return update("af0")
}

func tooManyEndpoints(ctx context.Context, s *setting, c *connection) error {
	update := func(i int) error {
		_, err := c.AffiliateUpdate(ctx, &serverpb.AffiliateUpdateRequest{
			ClusterId: s.cluster("smallcluster"), AffiliateId: "af", Ttl: durationpb.New(time.Minute),
			AffiliateEndpoints: blobs(fmt.Sprintf("endpoint%d", i)),
		})

		return err
	}

	for i := range 64 {
		if err := update(i); err != nil {
			return fmt.Errorf("endpoint %d: %w", i, err)
		}
	}

	if err := is(codes.ResourceExhausted, "the 65th endpoint", update(64)); err != nil {
		return err
	}

	return update(0)
}

func badDelete(ctx context.Context, s *setting, c *connection) error {
	for _, request := range []*serverpb.AffiliateDeleteRequest{
		{}, {ClusterId: long, AffiliateId: "af"}, {ClusterId: s.cluster("valid"), AffiliateId: long},
	} {
		_, err := c.AffiliateDelete(ctx, request)
		if err := is(codes.InvalidArgument, request.String(), err); err != nil {
			return err
		}
	}

	return nil
}

func badList(ctx context.Context, _ *setting, c *connection) error {
	for _, id := range []string{"", long} {
		_, err := c.List(ctx, &serverpb.ListRequest{ClusterId: id})
		if err := is(codes.InvalidArgument, id, err); err != nil {
			return err
		}
	}

	return nil
}

func badWatch(ctx context.Context, _ *setting, c *connection) error {
	for _, id := range []string{"", long} {
		stream, err := c.Watch(ctx, &serverpb.WatchRequest{ClusterId: id})
		if err != nil {
			return err
		}

		_, err = stream.Recv()
		if err := is(codes.InvalidArgument, id, err); err != nil {
			return err
		}
	}

	return nil
}

// serverRateLimit needs a service with a rate of 1/s and a burst of 60.
func serverRateLimit(ctx context.Context, s *setting, c *connection) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()

	var group errgroup.Group

	for header, address := range map[string]string{"X-Real-IP": "1.2.3.4", "X-Forwarded-For": "5.6.7.8"} {
		group.Go(func() error {
			ctx := metadata.AppendToOutgoingContext(ctx, header, address)

			for i := range 60 {
				if _, err := c.Hello(ctx, s.helloRequest("fake")); err != nil {
					return fmt.Errorf("call %d of %s: %w", i, address, err)
				}
			}

			_, err := c.Hello(ctx, s.helloRequest("fake"))

			return is(codes.ResourceExhausted, "the 61st call", err)
		})
	}

	return group.Wait()
}
