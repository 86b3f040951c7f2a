package ddllog

import (
	"fmt"
	"slices"
	"strings"
)

// Schemas are those of Bare names, where they are known: by the path that the source
// searched, and the name.
type Schemas map[string]map[string]string

// Find records where a name is found. One that is found in two schemas by one path,
// before and behind a command, is not known.
func (s Schemas) Find(path, name, schema string) {
	if s[path] == nil {
		s[path] = map[string]string{}
	}
	if was, found := s[path][name]; found && was != schema {
		schema = ""
	}
	s[path][name] = schema
}

// agreed are the names that are found in the same schema by each path.
func (s Schemas) agreed(paths []string) map[string]string {
	all := map[string]string{}
	for name, schema := range s[paths[0]] {
		if !slices.ContainsFunc(paths[1:], func(p string) bool { return s[p][name] != schema }) {
			all[name] = schema
		}
	}
	return all
}

// pathsOf are the paths that the commands of one text were run by.
func pathsOf(steps []Step, query string) (paths []string) {
	for i := range steps {
		if p := steps[i].Path(); steps[i].Query == query && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// leftBare are names that still lack a schema, and the paths that were searched.
type leftBare struct {
	paths []string
	names map[string][]string // by path
}

func (l *leftBare) add(names []string, paths ...string) {
	if len(names) == 0 {
		return
	}
	path := strings.Join(paths, ", then ")
	if l.names == nil {
		l.names = map[string][]string{}
	}
	if l.names[path] == nil {
		l.paths = append(l.paths, path)
	}
	l.names[path] = append(l.names[path], names...)
}

func (l *leftBare) remarks() (list []string) {
	for _, path := range l.paths {
		names := l.names[path]
		slices.Sort(names)
		list = append(list, fmt.Sprintf("Write the schema before %s: the source searched %s.", strings.Join(slices.Compact(names), ", "), path))
	}
	return list
}
