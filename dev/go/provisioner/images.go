package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// smallest is the least size of a file system that holds a journal.
const smallest = 4 << 20

// images is a folder of file systems in files: NAME.img, mounted at NAME.
type images struct {
	directory string
}

// create makes and mounts the file system of a volume, or completes one that was begun, and returns its mount point.
func (i images) create(name string, size int64) (string, error) {
	if size < smallest {
		return "", fmt.Errorf("%d bytes are too few for a file system: request at least 4Mi", size)
	}
	if err := os.MkdirAll(i.directory, 0o711); err != nil {
		return "", err
	}
	if !exists(i.image(name)) {
		if err := i.format(name, size); err != nil {
			return "", err
		}
	}
	return i.mountPoint(name), i.mount(name)
}

// format writes an empty file system; the name of the image appears only when it is whole.
func (i images) format(name string, size int64) error {
	unfinished := i.image(name) + ".new"
	file, err := os.Create(unfinished)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(size), file.Close()); err != nil {
		return err
	}
	// No block is set aside for root, and inodes are few: what was asked for is there for data. The root of the file
	// system is open to every user, as volumes of other provisioners are: pods run as users without a name.
	err = run("mkfs.ext4", "-q", "-F", "-m", "0", "-i", "65536", "-E", "root_owner=0:0", unfinished)
	if err != nil {
		return err
	}
	return os.Rename(unfinished, i.image(name))
}

// mount mounts a volume unless it is mounted.
func (i images) mount(name string) error {
	point := i.mountPoint(name)
	if err := os.MkdirAll(point, 0o755); err != nil {
		return err
	}
	if mounted, err := isMountPoint(point); mounted || err != nil {
		return err
	}
	if err := run("mount", "-o", "loop,noatime", i.image(name), point); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(point, "lost+found")); err != nil {
		return err
	}
	return os.Chmod(point, 0o777)
}

// mountAll mounts every volume of the folder: after a restart of the machine none is.
func (i images) mountAll() error {
	found, err := filepath.Glob(filepath.Join(i.directory, "*.img"))
	if err != nil {
		return err
	}
	for _, image := range found {
		if err := i.mount(strings.TrimSuffix(filepath.Base(image), ".img")); err != nil {
			return err
		}
	}
	return nil
}

// remove unmounts a volume and deletes its file; a volume that is gone is no error.
func (i images) remove(name string) error {
	point := i.mountPoint(name)
	mounted, err := isMountPoint(point)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if mounted {
		if err := run("umount", point); err != nil {
			return err
		}
	}
	// The mount point goes first, and only if it is empty: a volume that is still mounted keeps its data.
	for _, path := range []string{point, i.image(name)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (i images) image(name string) string { return filepath.Join(i.directory, name+".img") }

func (i images) mountPoint(name string) string { return filepath.Join(i.directory, name) }

// isMountPoint tells whether a folder is on another device than its parent.
func isMountPoint(path string) (bool, error) {
	var own, parent syscall.Stat_t
	if err := syscall.Stat(path, &own); err != nil {
		return false, err
	}
	if err := syscall.Stat(filepath.Dir(path), &parent); err != nil {
		return false, err
	}
	return own.Dev != parent.Dev, nil
}

// run runs a command; its output is the error's text when it fails.
func run(name string, arguments ...string) error {
	output, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(output)))
	}
	return nil
}
