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
	j := &joined{by: map[string]Engine{}, info: Info{Versions: map[string]string{}}}
	var names []string
	for _, e := range engines {
		info := e.Info()
		names = append(names, info.Name)
		maps.Copy(j.info.Versions, info.Versions)
		j.info.Modules = append(j.info.Modules, info.Modules...)
		for _, op := range info.Ops {
			if j.by[op.Name] == nil {
				j.by[op.Name] = e
				j.info.Ops = append(j.info.Ops, op)
			}
		}
	}
	j.lack(engines)
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
	info Info
	by   map[string]Engine // by the name of the op
}

// lack adds what an engine lacks and none of the others has.
func (j *joined) lack(engines []Engine) {
	for _, e := range engines {
		for _, op := range e.Info().Absent {
			if _, known := j.info.Absent.Find(op.Name); !known && j.by[op.Name] == nil {
				j.info.Absent = append(j.info.Absent, op)
			}
		}
	}
}

func (j *joined) Info() Info { return j.info }

func (j *joined) Compile(p pipeline.Pipeline, in Inputs) (Program, error) {
	c := &chain{}
	for first, end := 0, 0; first < len(p); first = end {
		e := j.by[p[first].Op]
		for end = first + 1; end < len(p) && j.by[p[end].Op] == e; end++ {
		}
		program, err := j.part(e, p[first:end], in)
		if err != nil {
			_ = c.Close()
			return nil, moved(err, first)
		}
		c.add(first, end-first, program)
	}
	return c.program()
}

func (j *joined) part(e Engine, p pipeline.Pipeline, in Inputs) (Program, error) {
	if e == nil {
		return nil, slices.Concat(j.info.Ops, j.info.Absent).Check(p) // it is absent, or unknown
	}
	return e.Compile(p, in)
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
