"""Sets of values that between them reach every branch of every template."""

from typing import Any

TOLERATION = {"key": "dedicated", "operator": "Equal", "value": "system", "effect": "NoSchedule"}

MATRIX: dict[str, dict[str, Any]] = {
    "defaults": {},
    "development images": {
        "image": {"repository": "localhost/deepseek-operator/operator", "tag": "dev"},
        "images": {
            "vllmCpu": "localhost/deepseek-operator/vllm-cpu:0.32.0",
            "toolbox": "localhost/deepseek-operator/toolbox:dev",
            "gateway": "localhost/deepseek-operator/gateway:dev",
        },
    },
    "one replica": {"replicas": 1},
    "no replica": {"replicas": 0},
    "no disruption budget": {"podDisruptionBudget": {"enabled": False}},
    "no network policies": {"networkPolicies": {"enabled": False}},
    "monitoring": {
        "networkPolicies": {
            "monitoringNamespaces": ["monitoring", "other"],
            "apiServerPorts": [16443],
            "dnsPorts": [53, 5353],
        }
    },
    "traces": {
        "tracing": {"endpoint": "otel-collector.observability.svc:4317", "samplingPercent": 0.5}
    },
    "no warnings": {"admission": {"warnings": False}},
    "one namespace": {"watchNamespaces": ["team-a"]},
    "two namespaces, nothing of the cluster": {
        "watchNamespaces": ["team-a", "team-b"],
        "crds": {"install": False},
        "rbac": {"aggregate": False},
        "admission": {"warnings": False},
    },
    "permissions by an administrator": {
        "rbac": {"create": False, "aggregate": False},
        "serviceAccount": {"create": False, "name": "given"},
    },
    "digest": {"image": {"digest": "sha256:" + "0" * 64, "pullPolicy": "Always"}},
    "one registry": {"imageRegistry": "registry.example.com:5000/mirror"},
    "names": {"fullnameOverride": "f" * 50, "nameOverride": "n" * 63},
    "names that YAML reads as numbers": {
        "watchNamespaces": ["1234", "1e3", "0x1f"],
        "serviceAccount": {"name": "1234", "annotations": {"a": "1e3"}},
        "imagePullSecrets": [{"name": "1e3"}],
        "catalog": {"configMap": "1234"},
        "networkPolicies": {"monitoringNamespaces": ["1234", "1e3"]},
        "priorityClassName": "1e3",
        "nodeSelector": {"pool": "1234"},
        "podLabels": {"pool": "1e3"},
    },
    "names that YAML reads as words of its own": {
        "fullnameOverride": "on",
        "nameOverride": "null",
        "watchNamespaces": ["null", "on", "true"],
        "serviceAccount": {"create": False, "name": "null"},
        "imagePullSecrets": [{"name": "no"}],
        "catalog": {"configMap": "true"},
        "networkPolicies": {"monitoringNamespaces": ["null", "y"]},
        "priorityClassName": "true",
        "nodeSelector": {"pool": "off"},
        "podLabels": {"pool": "yes"},
    },
    "placement": {
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"pool": "system"},
        "tolerations": [
            TOLERATION,
            {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30},
        ],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "arch", "operator": "In", "values": ["x"]}]}
                    ]
                }
            }
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "minDomains": 2,
                "nodeAffinityPolicy": "Honor",
                "nodeTaintsPolicy": "Honor",
            }
        ],
    },
    "placement of gateways": {
        "gateway": {
            "priorityClassName": "1234",
            "nodeSelector": {"pool": "1e3"},
            "tolerations": [
                TOLERATION,
                {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30},
            ],
            "affinity": {"podAntiAffinity": {}},
        }
    },
    "nothing optional": {
        "topologySpreadConstraints": [],
        "resources": {"requests": None, "limits": None},
    },
    "several nodes": {
        "multiNode": {
            "rdma": {"resource": "rdma/hca_shared_devices_a", "count": 2},
            "hostNetwork": True,
            "env": {
                "NCCL_IB_HCA": "mlx5_0,mlx5_1",
                "GLOO_SOCKET_IFNAME": "eth0",
                "OMPI_MCA_btl_tcp_if_include": "eth0",
            },
            "schedulerName": "volcano",
            "exclusiveTopology": "example.com/rack",
        }
    },
    "a catalog in values": {
        "catalog": {
            "entries": {
                "accelerators": {"H200": {"pricePerHour": 2.9}},
                "models": {"DeepSeek-V3": {"weightsBytes": 688_586_727_753, "released": "2024-12"}},
            }
        }
    },
    "a catalog of one's own": {"catalog": {"configMap": "platform.models"}},
    "annotations and labels": {
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccount": {"annotations": {"example.com/role": "arn:x"}, "name": "own"},
        "podAnnotations": {"example.com/inject": "false"},
        "podLabels": {"team": "platform"},
        "metrics": {"serviceAnnotations": {"prometheus.io/scrape": "true"}},
    },
    "watched": {
        "monitoring": {
            "podMonitors": {"labels": {"release": "prometheus"}},
            "serviceMonitor": {"create": "Always", "labels": {"release": "prometheus"}},
            "prometheusRule": {
                "create": "Always",
                "labels": {"release": "prometheus"},
                "runbookBaseUrl": "https://wiki.example.com/runbooks/",
            },
            "dashboards": {"create": "Always", "annotations": {"grafana_folder": "DeepSeek"}},
        }
    },
    "not watched": {
        "monitoring": {
            "podMonitors": {"create": "Never"},
            "serviceMonitor": {"create": "Never"},
            "prometheusRule": {"create": "Never"},
            "dashboards": {"create": "Never"},
        }
    },
    "operation": {
        "logLevel": "DEBUG",
        "workers": 64,
        "resyncSeconds": 10000000,
        "leaseSeconds": 30.5,
        "apiTimeoutSeconds": 0.5,
        "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "2"}},
    },
}
