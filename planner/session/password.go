package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"bascule/config"
)

// commandTimeout bounds a password_command.
const commandTimeout = 30 * time.Second

// CommandError reports that a password_command gave no password. Stderr is what it
// wrote there; what it wrote to its standard output is in no error.
type CommandError struct {
	Program string // without its path and arguments
	Stderr  string
	Err     error
}

func (e *CommandError) Error() string {
	text := fmt.Sprintf("password_command %q: %v", e.Program, e.Err)
	if e.Stderr != "" {
		text += ": " + e.Stderr
	}
	return text
}

func (e *CommandError) Unwrap() error { return e.Err }

// authenticate fills in the password of a peer that has a command for it.
func authenticate(ctx context.Context, peer *config.Peer, cfg *pgx.ConnConfig) error {
	if len(peer.PasswordCommand) == 0 {
		return nil
	}
	password, err := runCommand(ctx, peer.PasswordCommand)
	if err != nil {
		return err
	}
	cfg.Password = password
	return nil
}

// runCommand runs a program, without a shell, and returns the first line that it
// writes.
func runCommand(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, commandTimeout, errCommandTimeout)
	defer cancel()

	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // a grandchild may hold the pipes open
	err := cmd.Run()

	line, _, _ := strings.Cut(stdout.String(), "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil && line == "":
		err = errors.New("wrote no password on its first line")
	case err == nil:
		return line, nil
	}
	return "", &CommandError{
		Program: filepath.Base(argv[0]),
		Stderr:  complaint(stderr.String(), line),
		Err:     bare(err),
	}
}

var errCommandTimeout = errors.New("gave no answer within 30 s")

// complaint is the end of what a command wrote to its standard error, in one
// line, without what it had written as the password.
func complaint(text, password string) string {
	if password != "" {
		text = strings.ReplaceAll(text, password, "***")
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 500 {
		text = "..." + text[len(text)-500:]
	}
	return text
}

// bare drops the arguments' path from an error of exec, and keeps its cause.
func bare(err error) error {
	var notFound *exec.Error
	if errors.As(err, &notFound) {
		return notFound.Err
	}
	return err
}
