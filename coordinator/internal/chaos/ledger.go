package chaos

import (
	"encoding/json"
	"hash/maphash"
	"time"

	"github.com/cvfarm/cvfarm/coordinator/farm"
	"github.com/cvfarm/cvfarm/shared/fault"
)

// Outcome is what became of one frame.
type Outcome struct {
	// Digest is of everything that came out: geometry, pixels and data. It is 0 for a frame that failed.
	Digest uint64
	// Code is why it failed; empty where it did not.
	Code fault.Code
	// Run is how long it ran in its worker.
	Run time.Duration
}

// seed makes digests of one process comparable with each other, and with no others.
var seed = maphash.MakeSeed()

// OutcomeOf digests a result, whose pixels it reads.
func OutcomeOf(r *farm.Result) Outcome {
	var h maphash.Hash
	h.SetSeed(seed)
	head, _ := json.Marshal(struct {
		Geometry any
		Values   []farm.Value
	}{r.Geometry, r.Values}) // plain structs: it cannot fail
	_, _ = h.Write(head)
	for _, v := range r.Values {
		_, _ = h.Write(v.JSON)
	}
	_, _ = h.Write(r.Pix)
	return Outcome{Digest: h.Sum64(), Run: r.Run}
}

// Ledger checks the frames that come out, in the order in which they come. It is not safe for concurrent use.
type Ledger struct {
	// Want are the outcomes of an undisturbed run, which is repeated where more frames come. Nil is nothing to compare with.
	Want []Outcome

	next    uint64          // the frame that should come now
	missing map[uint64]bool // frames before it that did not come
	counts  Counts
}

// Counts is what a Ledger found.
type Counts struct {
	// Frames came out in all, those that failed among them.
	Frames uint64 `json:"frames"`
	// Lost never came out. Duplicated came again, Disordered after a later one.
	Lost       uint64 `json:"lost"`
	Duplicated uint64 `json:"duplicated"`
	Disordered uint64 `json:"out_of_order"`
	// Failed have an error that they did not have in the undisturbed run, or that no input can cause. Different are the others
	// that are not what they were in the undisturbed run.
	Failed    uint64 `json:"failed"`
	Different uint64 `json:"different"`
	// Refused have an error of their own, as in the undisturbed run.
	Refused uint64 `json:"refused"`
}

// Wrong reports whether anything is.
func (c Counts) Wrong() bool { return c.Lost+c.Duplicated+c.Disordered+c.Failed+c.Different > 0 }

// Record takes the next frame that came out.
func (l *Ledger) Record(index uint64, o Outcome) {
	l.counts.Frames++
	switch {
	case index >= l.next:
		for ; l.next < index; l.next++ {
			l.miss(l.next)
		}
		l.next++
	case l.missing[index]:
		delete(l.missing, index)
		l.counts.Disordered++
	default:
		l.counts.Duplicated++
	}
	l.judge(l.wanted(index), o)
}

func (l *Ledger) miss(index uint64) {
	if l.missing == nil {
		l.missing = map[uint64]bool{}
	}
	l.missing[index] = true
}

func (l *Ledger) wanted(index uint64) *Outcome {
	if len(l.Want) == 0 {
		return nil
	}
	return &l.Want[index%uint64(len(l.Want))]
}

func (l *Ledger) judge(want *Outcome, got Outcome) {
	switch {
	case want == nil && got.Code == "", want != nil && *want == (Outcome{got.Digest, got.Code, want.Run}) && got.Code == "":
	case want == nil && isInputs(got.Code), want != nil && got.Code != "" && want.Code == got.Code:
		l.counts.Refused++
	case got.Code != "":
		l.counts.Failed++
	default:
		l.counts.Different++
	}
}

// isInputs tells the codes of a frame's own fault.
func isInputs(c fault.Code) bool {
	return c == fault.Invalid || c == fault.Undecodable || c == fault.Unreadable
}

// Close says how many frames there should have been, and returns what was found.
func (l *Ledger) Close(frames uint64) Counts {
	for ; l.next < frames; l.next++ {
		l.miss(l.next)
	}
	l.counts.Lost = uint64(len(l.missing))
	return l.counts
}
