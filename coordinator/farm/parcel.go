package farm

import (
	"github.com/cvfarm/cvfarm/shared/shm"
	"github.com/cvfarm/cvfarm/shared/workerpb"
)

// parcels are the messages of one request after the other: sending marshals them, so that they can be used again.
type parcels []*parcel

// parcel is a job's message and its parts.
type parcel struct {
	job      workerpb.Job
	geometry workerpb.Geometry
	in, out  workerpb.Block
}

// pack writes a flight into the request's i-th message.
func (ps *parcels) pack(i int, fl *flight) *workerpb.Job {
	if i == len(*ps) {
		*ps = append(*ps, &parcel{})
	}
	p := (*ps)[i]
	j := &p.job
	j.Id, j.Program, j.Stream, j.Plan = fl.id, fl.program.id, fl.streamID(), fl.plan
	j.Index, j.PtsNs, j.Attempt = fl.frame.Index, int64(fl.frame.PTS), uint32(fl.tries)
	j.Claim = uint32(fl.claim)
	j.Geometry = p.geometry.Set(fl.frame.Geometry)
	j.Input, j.Output = packBlock(&p.in, fl.input), packBlock(&p.out, fl.output)
	return j
}

func packBlock(to *workerpb.Block, l *shm.Lease) *workerpb.Block {
	if l == nil {
		return nil
	}
	to.Offset, to.Size = uint64(l.Offset()), uint64(l.Size())
	return to
}
