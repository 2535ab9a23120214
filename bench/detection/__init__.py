"""Object detection with any architecture as a backbone in MMDetection, scored by COCO's metrics."""
