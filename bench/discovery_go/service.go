package main

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/siderolabs/discovery-api/api/v1alpha1/server/pb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

const (
	idBytesMax       = 256
	dataBytesMax     = 2048
	endpointBytesMax = 32
	ttlMax           = 30 * time.Minute
)

// service answers the five calls.
type service struct {
	pb.UnimplementedClusterServer

	mutex    sync.Mutex
	clusters map[string]*cluster
}

func newService() *service {
	return &service{clusters: map[string]*cluster{}}
}

func (s *service) Hello(ctx context.Context, request *pb.HelloRequest) (*pb.HelloResponse, error) {
	if err := validateID(request.ClusterId); err != nil {
		return nil, err
	}
	return &pb.HelloResponse{ClientIp: clientIP(ctx)}, nil
}

func (s *service) AffiliateUpdate(_ context.Context, request *pb.AffiliateUpdateRequest) (*pb.AffiliateUpdateResponse, error) {
	if err := validateUpdate(request); err != nil {
		return nil, err
	}
	expires := time.Now().Add(request.Ttl.AsDuration())
	err := s.cluster(request.ClusterId).update(
		request.AffiliateId, request.AffiliateData, request.AffiliateEndpoints, expires)
	if err != nil {
		return nil, err
	}
	return &pb.AffiliateUpdateResponse{}, nil
}

func (s *service) AffiliateDelete(_ context.Context, request *pb.AffiliateDeleteRequest) (*pb.AffiliateDeleteResponse, error) {
	if err := validateID(request.ClusterId, request.AffiliateId); err != nil {
		return nil, err
	}
	s.cluster(request.ClusterId).remove(request.AffiliateId)
	return &pb.AffiliateDeleteResponse{}, nil
}

func (s *service) List(_ context.Context, request *pb.ListRequest) (*pb.ListResponse, error) {
	if err := validateID(request.ClusterId); err != nil {
		return nil, err
	}
	return &pb.ListResponse{Affiliates: s.cluster(request.ClusterId).list()}, nil
}

func (s *service) Watch(request *pb.WatchRequest, stream grpc.ServerStreamingServer[pb.WatchResponse]) error {
	if err := validateID(request.ClusterId); err != nil {
		return err
	}
	watched := s.cluster(request.ClusterId)
	snapshot, watch := watched.subscribe()
	defer watched.unsubscribe(watch)

	if err := stream.Send(&pb.WatchResponse{Affiliates: snapshot}); err != nil {
		return err
	}
	for {
		select {
		case <-stream.Context().Done():
			return nil
		case message, open := <-watch.queue:
			if !open {
				return status.Error(codes.Aborted, "the watcher is too slow")
			}
			if err := stream.Send(message); err != nil {
				return err
			}
		}
	}
}

func (s *service) cluster(id string) *cluster {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	found, ok := s.clusters[id]
	if !ok {
		found = newCluster()
		s.clusters[id] = found
	}
	return found
}

func (s *service) sweepEvery(interval time.Duration) {
	for now := range time.Tick(interval) {
		s.mutex.Lock()
		for id, each := range s.clusters {
			if each.sweep(now) {
				delete(s.clusters, id)
			}
		}
		s.mutex.Unlock()
	}
}

func validateUpdate(request *pb.AffiliateUpdateRequest) error {
	if err := validateID(request.ClusterId, request.AffiliateId); err != nil {
		return err
	}
	if len(request.AffiliateData) > dataBytesMax {
		return status.Error(codes.InvalidArgument, "data is too long")
	}
	for _, endpoint := range request.AffiliateEndpoints {
		if len(endpoint) > endpointBytesMax {
			return status.Error(codes.InvalidArgument, "an endpoint is too long")
		}
	}
	if request.Ttl.AsDuration() > ttlMax {
		return status.Error(codes.InvalidArgument, "the lifetime is too long")
	}
	return nil
}

func validateID(ids ...string) error {
	for _, id := range ids {
		if len(id) == 0 || len(id) > idBytesMax {
			return status.Error(codes.InvalidArgument, "an ID is empty or too long")
		}
	}
	return nil
}

func clientIP(ctx context.Context) []byte {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	address, err := netip.ParseAddrPort(caller.Addr.String())
	if err != nil {
		return nil
	}
	return address.Addr().Unmap().AsSlice()
}
