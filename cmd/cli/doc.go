// Package cli is the command line: it reads flags, calls the planner and the
// executor, and hands the result to package view. It prints nothing itself.
//
// Each command is one file with one function that returns its *command: name, flags,
// examples and run. urfave/cli parses flags; because it stops at the first argument,
// arrange moves them in front beforehand, from the command's own flag table.
//
// The exit code follows from the error that a command returns; see exit.go.
package cli
