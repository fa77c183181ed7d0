// Command provisioner makes local volumes with a real size: each is an ext4 file system in a file of exactly the
// requested size, mounted through a loop device, so that a full volume refuses the next write as a full disk does.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the provisioner's user")
	directory := flag.String("directory", "", "folder that holds the volumes")
	node := flag.String("node", "", "name of the node that the folder is on")
	name := flag.String("name", "deepseek-operator/local", "provisioner name that storage classes refer to")
	flag.Parse()
	context, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(context, *kubeconfig, *name, provisioner{images: images{*directory}, node: *node}); err != nil {
		log.Fatal(err)
	}
}

// serve mounts the volumes that exist, then makes and deletes volumes until the context ends.
func serve(context context.Context, kubeconfig, name string, provisioner provisioner) error {
	if err := provisioner.images.mountAll(); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	controller.NewProvisionController(
		context, client, name, provisioner, controller.LeaderElection(false),
	).Run(context)
	return nil
}

// exists tells whether a path is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
