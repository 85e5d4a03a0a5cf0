package media

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// resolveFolder lists the images of a folder, in natural order, the files of a folder before the folders in it. A part of it that
// cannot be read is an input that failed; the rest is still there.
func resolveFolder(root string, recursive bool) []Input {
	in := listFolder(root, "", recursive)
	if len(in) == 0 {
		err := fmt.Errorf("no images in folder %s", root)
		if !recursive {
			err = fmt.Errorf("no images in folder %s itself; -r looks into the folders within it", root)
		}
		return []Input{{Name: root, Path: root, Rel: filepath.Base(root), Err: err}}
	}
	return in
}

func listFolder(root, rel string, recursive bool) []Input {
	dir := filepath.Join(root, filepath.FromSlash(rel))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []Input{unreadable(dir, err)}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return natural(a.Name(), b.Name()) })
	var files, below []Input
	for _, e := range entries {
		name := e.Name()
		switch {
		case name[0] == '.':
		case e.IsDir() && recursive:
			below = append(below, listFolder(root, path.Join(rel, name), true)...)
		case !e.IsDir():
			if in, ok := folderFile(filepath.Join(dir, name), path.Join(rel, name)); ok {
				files = append(files, in)
			}
		}
	}
	return append(files, below...)
}

// folderFile takes a file that is an image by content, or by name where the content says nothing. Links to folders are not
// followed: they may lead back.
func folderFile(name, rel string) (Input, bool) {
	f, named := formatNamed(name)
	info, err := os.Stat(name)
	switch {
	case err != nil:
		in := unreadable(name, err)
		in.Rel = rel
		return in, named && f.class == classImage
	case !info.Mode().IsRegular():
		return Input{}, false
	}
	head, err := readHead(name)
	if err != nil {
		in := unreadable(name, err)
		in.Rel = rel
		return in, named && f.class == classImage
	}
	if found, ok := formatOf(head); ok && found.name == "GIF" {
		return Input{Kind: Video, Name: name, Path: name, Rel: rel}, true
	}
	return Input{Kind: Image, Name: name, Path: name, Rel: rel}, classify(name, head) == classImage
}
