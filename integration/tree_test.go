package integration

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// source is one Go file of the repository. All files are read, whatever their build tags.
type source struct {
	file    string // from the repository's root, with slashes
	pkg     string // the folder, as the import path without the module
	test    bool
	syntax  *ast.File
	fileSet *token.FileSet
}

const root = ".."

// tree reads every Go file that people wrote; generated ones follow their generator's rules.
func tree(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch base := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (base[0] == '.' || base[0] == '_' || base == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(base) != ".go":
			return nil
		}
		fileSet := token.NewFileSet()
		syntax, err := parser.ParseFile(fileSet, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err == nil && !ast.IsGenerated(syntax) {
			file := filepath.ToSlash(strings.TrimPrefix(name, root+string(filepath.Separator)))
			all = append(all, source{file, path.Dir(file), strings.HasSuffix(file, "_test.go"), syntax, fileSet})
		}
		return err
	})
	if err != nil {
		t.Fatalf("cannot read the tree: %v", err)
	}
	return all
}

// imports calls f for each import of the file, with the module's own path taken off.
func (s source) imports(f func(line int, what string)) {
	for _, spec := range s.syntax.Imports {
		what, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			f(s.line(spec), strings.TrimPrefix(what, module+"/"))
		}
	}
}

func (s source) line(n ast.Node) int { return s.fileSet.Position(n.Pos()).Line }

// localName is what the file calls a package of the standard library, empty where it does not import it.
func (s source) localName(pkg string) string {
	for _, spec := range s.syntax.Imports {
		switch {
		case spec.Path.Value != strconv.Quote(pkg):
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return path.Base(pkg)
		}
	}
	return ""
}

// A sleep in a test is too short on a busy machine and too long on an idle one. Inside synctest.Test the clock is fake and
// time.Sleep is how it is moved, so there it may stay.
func TestTreeTestsDoNotSleep(t *testing.T) {
	for _, s := range tree(t) {
		if !s.test {
			continue
		}
		clock, bubble := s.localName("time"), s.localName("testing/synctest")
		chosen := map[ast.Stmt]bool{} // waits that are one of several in a select
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if isSelector(n.Fun, bubble, "Test") {
					return false
				}
			case *ast.SelectorExpr:
				if isSelector(n, clock, "Sleep") {
					t.Errorf("%s:%d: a test sleeps; wait on a channel, poll with a deadline, or use testing/synctest", s.file, s.line(n))
				}
			case *ast.CommClause:
				chosen[n.Comm] = true
			case *ast.ExprStmt:
				if !chosen[n] && isWaitForClock(n.X, clock) {
					t.Errorf("%s:%d: a test waits for the clock alone, which is a sleep by another name", s.file, s.line(n))
				}
			}
			return true
		})
	}
}

func isSelector(e ast.Expr, pkg, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || pkg == "" || sel.Sel.Name != name {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg
}

// isWaitForClock tells a bare `<-time.After(d)` or `<-time.Tick(d)`.
func isWaitForClock(e ast.Expr, clock string) bool {
	receive, ok := e.(*ast.UnaryExpr)
	if !ok || receive.Op != token.ARROW {
		return false
	}
	call, ok := receive.X.(*ast.CallExpr)
	return ok && (isSelector(call.Fun, clock, "After") || isSelector(call.Fun, clock, "Tick"))
}

func TestTreePackagesSayTheirDuty(t *testing.T) {
	commented, name := map[string]bool{}, map[string]string{}
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		name[s.pkg] = s.syntax.Name.Name
		commented[s.pkg] = commented[s.pkg] || isPackageComment(s.syntax)
	}
	for pkg := range name {
		if !commented[pkg] {
			t.Errorf("%s: package %s has no comment that begins with its name and says its duty", pkg, name[pkg])
		}
	}
}

func isPackageComment(f *ast.File) bool {
	want := "Package " + f.Name.Name + " "
	if f.Name.Name == "main" {
		want = "Command "
	}
	return f.Doc != nil && strings.HasPrefix(f.Doc.Text(), want)
}

// A long file is a place to look, not a fault: seen with `go test -v -run TestTree`.
func TestTreeLongFiles(t *testing.T) {
	const long = 300
	for _, s := range tree(t) {
		if lines := s.fileSet.Position(s.syntax.FileEnd).Line; lines > long {
			t.Logf("%s has %d lines; over %d a file often holds two", s.file, lines, long)
		}
	}
}
