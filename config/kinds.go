package config

import "slices"

// Kinds are the kinds of object that a mirror can leave out, each a word for the
// skip attribute: those of catalog.Object and those of what belongs to tables.
// True is said of kinds whose objects are in no schema.
var Kinds = map[string]bool{
	"access_method":             true,
	"aggregate":                 false,
	"cast":                      true,
	"check":                     false,
	"collation":                 false,
	"comment":                   false,
	"composite":                 false,
	"constraint":                false,
	"conversion":                false,
	"default_privilege":         true,
	"domain":                    false,
	"enum":                      false,
	"event_trigger":             true,
	"extension":                 true,
	"foreign_data_wrapper":      true,
	"foreign_key":               false,
	"foreign_server":            true,
	"function":                  false,
	"index":                     false,
	"language":                  true,
	"large_object":              true,
	"materialized_view":         false,
	"operator":                  false,
	"operator_class":            false,
	"operator_family":           false,
	"policy":                    false,
	"procedure":                 false,
	"publication":               true,
	"range":                     false,
	"rule":                      false,
	"schema":                    true,
	"sequence":                  false,
	"statistics":                false,
	"subscription":              true,
	"text_search_configuration": false,
	"text_search_dictionary":    false,
	"text_search_parser":        false,
	"text_search_template":      false,
	"transform":                 true,
	"trigger":                   false,
	"type":                      false,
	"user_mapping":              true,
	"view":                      false,
}

// KindNames are the words of Kinds, sorted.
func KindNames() []string {
	names := make([]string, 0, len(Kinds))
	for name := range Kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
