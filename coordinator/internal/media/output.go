package media

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OutputKind is what results become.
type OutputKind string

// The kinds.
const (
	ToNone    OutputKind = "none"
	ToStdout  OutputKind = "stdout"  // encoded images one after the other
	ToVideo   OutputKind = "video"   // one video file
	ToImage   OutputKind = "image"   // one image file
	ToPattern OutputKind = "pattern" // image files numbered through
	ToFolder  OutputKind = "folder"  // image files under the inputs' names
)

// Output is where results go.
type Output struct {
	Kind OutputKind
	Path string
	// Ext is the extension of what is written, lower case; empty where the inputs decide.
	Ext string
}

// ParseOutput reads what a user named as output: "none" or /dev/null, "-", a pattern such as out/%06d.png, a folder (one that
// exists, or whose name ends in /), a video file, or an image file for a single frame. Which it is, the name tells.
func ParseOutput(name string) (Output, error) {
	ext := strings.ToLower(filepath.Ext(name))
	f, known := formatNamed(name)
	info, err := os.Stat(name)
	switch {
	case name == "":
		return Output{}, usagef("no output: name a video file, a pattern such as out/%%06d.png, a folder/, - or none")
	case name == "none" || name == os.DevNull:
		return Output{Kind: ToNone}, nil
	case name == "-":
		return Output{Kind: ToStdout, Path: "-"}, nil
	case strings.HasSuffix(name, "/") || err == nil && info.IsDir():
		return Output{Kind: ToFolder, Path: filepath.Clean(name)}, nil
	case strings.Contains(name, "%"):
		return parsePattern(name, ext, known && f.class == classImage)
	case slices.Contains(videoExts(), ext):
		return Output{Kind: ToVideo, Path: name, Ext: ext}, nil
	case known && f.class == classImage:
		return Output{Kind: ToImage, Path: name, Ext: ext}, nil
	case ext == "":
		return Output{}, usagef("output %s: without an extension it can only be a folder: write %s/", name, name)
	}
	return Output{}, usagef("output %s: %s is no format that can be written: videos are %s, images such as .png .jpg .webp .tiff",
		name, ext, strings.Join(videoExts(), " "))
}

func videoExts() []string { return []string{".mp4", ".avi", ".mkv", ".mov", ".webm"} }

func parsePattern(name, ext string, image bool) (Output, error) {
	if _, err := patternName(name, 1); err != nil {
		return Output{}, err
	}
	if !image {
		return Output{}, usagef("output %s: a pattern ends in an image's extension, such as %%06d.png", name)
	}
	return Output{Kind: ToPattern, Path: name, Ext: ext}, nil
}

// patternName puts n in the place of the pattern's one %d, which may have a width such as %06d; %% is a percent sign.
func patternName(pattern string, n int) (string, error) {
	var b strings.Builder
	verbs := 0
	for rest := pattern; rest != ""; {
		text, after, found := strings.Cut(rest, "%")
		b.WriteString(text)
		if rest = after; !found {
			break
		}
		if strings.HasPrefix(rest, "%") {
			b.WriteByte('%')
			rest = rest[1:]
			continue
		}
		k := digits(rest)
		width, _ := strconv.Atoi(rest[:k])
		if k == len(rest) || rest[k] != 'd' || width > 18 {
			return "", usagef("output %s: %%%s is not possible: the frame's number is %%d or %%06d, a percent sign %%%%", pattern, rest[:min(len(rest), k+1)])
		}
		number := strconv.Itoa(n)
		pad := " "
		if strings.HasPrefix(rest, "0") {
			pad = "0"
		}
		b.WriteString(strings.Repeat(pad, max(0, width-len(number))) + number)
		verbs, rest = verbs+1, rest[k+1:]
	}
	if verbs != 1 {
		return "", usagef("output %s: %d numbers in a pattern: it has exactly one, such as %%06d", pattern, verbs)
	}
	return b.String(), nil
}

// wantsImages reports whether the output takes encoded images.
func (o Output) wantsImages() bool { return o.Kind != ToNone && o.Kind != ToVideo }

// name is the file that an item's image becomes.
func (o Output) name(it Item, ext string) string {
	switch o.Kind {
	case ToPattern:
		name, _ := patternName(o.Path, int(it.Index)+1) // checked by ParseOutput
		return name
	case ToFolder:
		return filepath.Join(o.Path, filepath.FromSlash(folderName(it.Input.Rel, it.Number, ext)))
	}
	return o.Path
}

func folderName(rel string, number int, ext string) string {
	switch {
	case number > 0:
		return stem(rel) + "-" + pad6(number) + ext
	case strings.EqualFold(path.Ext(rel), ext):
		return rel
	}
	return stem(rel) + ext
}

func pad6(n int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, 6-len(s))) + s
}

// CheckNames refuses, before anything runs, outputs that exist already (unless overwrite), two inputs that would become the same
// file, and several frames for one image file. plan tells extensions.
func (o Output) CheckNames(inputs []Input, limit int, plan *Plan, overwrite bool) error {
	switch o.Kind {
	case ToVideo:
		return Vacant(o.Path, overwrite)
	case ToImage:
		if frames := countFrames(inputs, limit); frames != 1 {
			return usagef("output %s is one image, but there may be more than one frame: use a pattern such as %s, a folder/, or --limit 1",
				o.Path, stem(o.Path)+"-%06d"+path.Ext(o.Path))
		}
		return Vacant(o.Path, overwrite)
	case ToPattern:
		return o.checkPattern(countFrames(inputs, limit), overwrite)
	case ToFolder:
		return o.checkFolder(inputs, limit, plan, overwrite)
	}
	return nil
}

// countFrames is the number of frames to come; -1 where it is not known yet.
func countFrames(inputs []Input, limit int) int {
	sum := 0
	for _, n := range expectedFrames(inputs) {
		if n < 0 {
			if limit == 1 {
				return 1
			}
			return -1
		}
		sum += n
	}
	if limit > 0 {
		sum = min(sum, limit)
	}
	return sum
}

// checkPattern looks at every name where the number of frames is known, and at the first where it is not.
func (o Output) checkPattern(frames int, overwrite bool) error {
	for n := range max(1, frames) {
		name, _ := patternName(o.Path, n+1) // checked by ParseOutput
		if err := Vacant(name, overwrite); err != nil {
			return err
		}
	}
	return nil
}

func (o Output) checkFolder(inputs []Input, limit int, plan *Plan, overwrite bool) error {
	taken := map[string]string{}
	for i := range inputs {
		in := &inputs[i]
		if in.Err != nil || limit > 0 && i >= limit {
			continue
		}
		it := Item{Input: in}
		if in.Kind == Image {
			it.Ext = inputExt(in)
		} else {
			it.Number = 1
		}
		name := o.name(it, plan.For(in.Kind == Image, it.Ext).Ext)
		if other, twice := taken[name]; twice {
			return usagef("%s and %s would both become %s: give the folder that holds them, with -r, or use a pattern such as %s",
				other, in.Name, name, filepath.Join(o.Path, "%06d.png"))
		}
		taken[name] = in.Name
		if err := Vacant(name, overwrite); err != nil {
			return err
		}
	}
	return nil
}

func inputExt(in *Input) string {
	head, _ := readHead(in.Path) // an unreadable file makes no output
	return imageExt(in.Path, head)
}
