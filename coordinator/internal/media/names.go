package media

// Names returns the names that the outputs of the inputs will get: the first max of them, of a video's frames the first only.
func (o Output) Names(inputs []Input, limit int, plan *Plan, max int) []string {
	switch o.Kind {
	case ToNone:
		return nil
	case ToStdout:
		return []string{"standard output"}
	case ToVideo, ToImage:
		return []string{o.Path}
	}
	var names []string
	for i := range inputs {
		if in := &inputs[i]; in.Err == nil && len(names) < max && (limit == 0 || i < limit) {
			it := Item{Input: in, Number: 1}
			it.Index = uint64(i)
			if in.Kind == Image {
				it.Number, it.Ext = 0, inputExt(in)
			}
			names = append(names, o.name(it, plan.For(!in.isVideo(), it.Ext).Ext))
		}
		if o.Kind == ToPattern && inputs[i].Kind != Image {
			break // how the next is numbered is not known
		}
	}
	return names
}

// isVideo reports whether the frames come as pixels.
func (in *Input) isVideo() bool { return in.Kind == Video || in.Kind == Live }
