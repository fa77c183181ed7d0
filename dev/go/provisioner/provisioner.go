package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// accessModesParameter is the storage class's list of the access modes it offers, separated by commas.
const accessModesParameter = "accessModes"

// provisioner answers the claims of storage classes that name it.
type provisioner struct {
	images images
	node   string
}

// Provision makes a volume of the claim's size; a claim that the class does not cover is refused for good.
func (p provisioner) Provision(
	_ context.Context, options controller.ProvisionOptions,
) (*core.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC.Spec
	if err := refusal(claim, options.StorageClass.Parameters[accessModesParameter]); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	size := claim.Resources.Requests[core.ResourceStorage]
	path, err := p.images.create(options.PVName, size.Value())
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: options.PVName},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.AccessModes,
			Capacity:                      core.ResourceList{core.ResourceStorage: size},
			NodeAffinity:                  onNode(p.node),
			PersistentVolumeSource: core.PersistentVolumeSource{
				Local: &core.LocalVolumeSource{Path: path},
			},
		},
	}
	return volume, controller.ProvisioningFinished, nil
}

// Delete unmounts a volume and removes what it held.
func (p provisioner) Delete(_ context.Context, volume *core.PersistentVolume) error {
	return p.images.remove(volume.Name)
}

// refusal says why a class that offers the given access modes cannot serve a claim; nil when it can.
func refusal(claim core.PersistentVolumeClaimSpec, offered string) error {
	if claim.VolumeMode != nil && *claim.VolumeMode == core.PersistentVolumeBlock {
		return fmt.Errorf("volumeMode Block is not offered, only Filesystem")
	}
	modes := strings.Split(offered, ",")
	for _, mode := range claim.AccessModes {
		if !slices.Contains(modes, string(mode)) {
			return fmt.Errorf("access mode %s is not offered by this storage class, only %s", mode, offered)
		}
	}
	return nil
}

// onNode ties a volume to the node that has its file system.
func onNode(node string) *core.VolumeNodeAffinity {
	requirement := core.NodeSelectorRequirement{
		Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{node},
	}
	return &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{
		{MatchExpressions: []core.NodeSelectorRequirement{requirement}},
	}}}
}
