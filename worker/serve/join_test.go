package serve

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cvfarm/cvfarm/shared/pipeline"
)

func TestJoinedEnginesReadVideosWhereOneDoes(t *testing.T) {
	closed := 0
	plain := Ops("plain", testOps(&closed)...)
	if _, ok := Join(plain, plain).(VideoEngine); ok {
		t.Error("two engines without videos make one with videos")
	}
	both, ok := Join(plain, camera{Ops("camera", simple("snap", sum))}).(VideoEngine)
	if !ok {
		t.Fatal("the videos are gone")
	}
	if _, v, err := both.OpenReader("", 0); v.FPS != 7 || err != io.EOF {
		t.Error(v, err)
	}
	if _, codec, err := both.OpenWriter("", Video{}); codec != "mjpg" || err != nil {
		t.Error(codec, err)
	}
	info := both.Info()
	if _, found := info.Ops.Find("snap"); !found || info.Name != "plain+camera" || len(info.Ops) != len(plain.Info().Ops)+1 {
		t.Errorf("%+v", info)
	}
}

func TestAChainTellsTheTimeOfEachStep(t *testing.T) {
	p, err := compile(t, engines()["two"], "add | twice | sum | add")
	if err != nil {
		t.Fatal(err)
	}
	var begun []int
	o := &Output{memory: memory{grow: func(n int) ([]byte, error) { return make([]byte, n), nil }}, step: func(i int) { begun = append(begun, i) }}
	if err := p.Run(gray(1), o); err != nil {
		t.Fatal(err)
	}
	o.finish(time.Now())
	if fmt.Sprint(begun) != "[0 1 2 3]" || len(o.steps) != 4 || o.steps[3] <= 0 {
		t.Errorf("steps %v took %v", begun, o.steps)
	}
}

// An op that one of the engines lacks was unknown to all of them.
func TestJoinedEnginesKnowWhatTheyLack(t *testing.T) {
	faces, blur := pipeline.OpInfo{Name: "faces", Missing: "needs a newer one"}, pipeline.OpInfo{Name: "blur", Missing: "needs a newer one"}
	e := Join(lacking{Ops("old", simple("snap", sum)), pipeline.Catalogue{faces, blur}}, Ops("mine", simple("blur", sum)))
	if got := e.Info(); len(got.Ops) != 2 || len(got.Absent) != 1 || got.Absent[0].Name != "faces" {
		t.Errorf("it has %+v and lacks %+v", got.Ops, got.Absent)
	}
	_, err := e.Compile(pipeline.Pipeline{{Op: "snap"}, {Op: "faces"}}, nil)
	if err == nil || err.Error() != "step 2, faces: needs a newer one" {
		t.Error(err)
	}
}

// An engine need not be of a type that can be compared: a struct with a map in it panicked at its second step.
func TestAnEngineMayBeAStructWithAMap(t *testing.T) {
	e := Join(mapped{Ops("mine", simple("snap", sum), simple("blur", sum)), map[string]int{}})
	if _, err := e.Compile(pipeline.Pipeline{{Op: "snap"}, {Op: "blur"}}, nil); err != nil {
		t.Error(err)
	}
}

type mapped struct {
	Engine
	_ map[string]int
}

// lacking is an engine that another build of it can do more than.
type lacking struct {
	Engine
	absent pipeline.Catalogue
}

func (l lacking) Info() Info {
	info := l.Engine.Info()
	info.Absent = l.absent
	return info
}
