package serve

import (
	"maps"
	"slices"
	"strings"

	"github.com/cvfarm/cvfarm/shared/pipeline"
)

// Join makes one engine of several: their ops in one catalogue, mixed in pipelines as one likes. Where two have an op of one
// name, the first engine's is taken, so that an op can be replaced. Neighbouring steps of one engine run in it as one program;
// between engines the picture stays in memory of this process, and is copied only where the last of them lets it pass. Videos
// are the first VideoEngine's.
func Join(engines ...Engine) Engine {
	j := &joined{engines: engines, by: map[string]int{}, info: Info{Versions: map[string]string{}}}
	var names []string
	for i, e := range engines {
		info := e.Info()
		names = append(names, info.Name)
		maps.Copy(j.info.Versions, info.Versions)
		j.info.Modules = append(j.info.Modules, info.Modules...)
		for _, op := range info.Ops {
			if j.of(op.Name) < 0 {
				j.by[op.Name] = i
				j.info.Ops = append(j.info.Ops, op)
			}
		}
	}
	j.lack()
	j.info.Name = strings.Join(names, "+")
	for _, e := range engines {
		if video, ok := e.(VideoEngine); ok {
			return joinedVideo{j, video}
		}
	}
	return j
}

// joined is several engines.
type joined struct {
	info    Info
	engines []Engine
	by      map[string]int // the index of an op's engine, by the op's name; engines may be of types that == panics at
}

// lack adds what an engine lacks and none of the others has.
func (j *joined) lack() {
	for _, e := range j.engines {
		for _, op := range e.Info().Absent {
			if _, known := j.info.Absent.Find(op.Name); !known && j.of(op.Name) < 0 {
				j.info.Absent = append(j.info.Absent, op)
			}
		}
	}
}

func (j *joined) Info() Info { return j.info }

func (j *joined) Compile(p pipeline.Pipeline, in Inputs) (Program, error) {
	c := &chain{}
	for first, end := 0, 0; first < len(p); first = end {
		for end = first + 1; end < len(p) && j.of(p[end].Op) == j.of(p[first].Op); end++ {
		}
		program, err := j.part(p[first:end], in)
		if err != nil {
			_ = c.Close()
			return nil, moved(err, first)
		}
		c.add(first, end-first, program)
	}
	return c.program()
}

// of is the index of the op's engine; -1 where none has it.
func (j *joined) of(op string) int {
	if i, ok := j.by[op]; ok {
		return i
	}
	return -1
}

// part compiles neighbouring steps of one engine.
func (j *joined) part(p pipeline.Pipeline, in Inputs) (Program, error) {
	i := j.of(p[0].Op)
	if i < 0 {
		return nil, slices.Concat(j.info.Ops, j.info.Absent).Check(p) // it is absent, or unknown
	}
	return j.engines[i].Compile(p, in)
}

// joinedVideo is several engines, one of which is for videos.
type joinedVideo struct {
	*joined
	video VideoEngine
}

func (j joinedVideo) OpenReader(uri string, skip uint64) (Program, Video, error) {
	return j.video.OpenReader(uri, skip)
}

func (j joinedVideo) OpenWriter(path string, v Video) (Program, string, error) {
	return j.video.OpenWriter(path, v)
}
